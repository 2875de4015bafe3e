"""Makes configuration.md from the text under the fields of settings and definitions.

`python docs/generate_configuration.py` writes it; `--check` says whether it is stale (exit 1).
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parent.parent
# The script's own directory is first on the path, not the project's.
sys.path.insert(0, str(ROOT))

from gateway.configuration.settings_file import variable_of  # noqa: E402 (needs the path above)
from gateway.definitions.authorizer import (  # noqa: E402
    Authorizer,
    JwtClaim,
    JwtConfiguration,
    JwtIssuer,
)
from gateway.definitions.codec import camel_case  # noqa: E402
from gateway.definitions.documentation import (  # noqa: E402
    DocumentationPart,
    DocumentationPartLocation,
)
from gateway.definitions.domain import (  # noqa: E402
    BasePathMapping,
    DomainName,
    MutualTlsAuthentication,
)
from gateway.definitions.integration import (  # noqa: E402
    Integration,
    IntegrationResponse,
    TlsConfig,
)
from gateway.definitions.responses import GatewayResponse  # noqa: E402
from gateway.definitions.rest_api import (  # noqa: E402
    EndpointConfiguration,
    Method,
    MethodResponse,
    RestApi,
)
from gateway.definitions.stage import (  # noqa: E402
    AccessLogSettings,
    CanarySettings,
    MethodSetting,
    Stage,
    Sticky,
)
from gateway.definitions.usage_plan import (  # noqa: E402
    ApiKey,
    ApiStage,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.definitions.validators import Model, RequestValidator  # noqa: E402
from gateway.definitions.vpc_link import VpcLinkTargets  # noqa: E402
from gateway.settings import Address, Settings  # noqa: E402

TARGET = ROOT / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

<!-- Made by docs/generate_configuration.py from the sources; edit those. -->

Two kinds of configuration live in the directory that `--config` names (default `config`):

- `gateway.toml` holds the settings of the process. A change needs a restart.
- `apis/*.yaml`, `domains.yaml`, `usage.yaml`, `vpc-links.yaml` and `client-certificates/` hold
  definitions. They are reloaded while they are served.

`stagegate check` reads all of it and names every problem with its file and line.
"""

SETTINGS_TEXT = """\
## Settings: `gateway.toml`

Each setting may also be given as an environment variable, and those with a flag by that flag.
A flag wins over a variable, a variable over the file, the file over the default.
In variables, lists are separated by commas and booleans are `true` or `false`.
"""

FILES_TEXT = """\
## Definitions: `apis/*.yaml`

Each file directly in `apis/` is one API with all its stages. Its id is the file's name unless
`restApi.id` says otherwise. Names and shapes are those of AWS's JSON:

```yaml
restApi: {name: Pet store}        # optional
resources:                        # path, then HTTP method or ANY
  /pets/{petId}:
    id: a1b2c3                    # optional: else it follows from the path
    GET:
      integration: {type: HTTP_PROXY, uri: "http://127.0.0.1:9000/pets/{petId}"}
gatewayResponses:                 # optional, by type
  THROTTLED: {statusCode: "429"}
models:                           # optional, by name; a schema is YAML, or JSON text
  Pet: {schema: {type: object, required: [name]}}
requestValidators:                # optional, by the id that methods name
  body: {validateRequestBody: true}
authorizers: {}                   # optional, by the id that methods name
documentationParts:               # optional, one for each place
  - {location: {type: RESOURCE, path: /pets}, properties: {description: All pets.}}
stages:                           # by name
  prod:
    definition: versions/old.yaml # optional: serve this file's definition instead
    methodSettings: {"*/*": {throttlingRateLimit: 100}}
    canarySettings: {percentTraffic: 10, definition: versions/next.yaml}
```

- `definition` names a file inside the config directory, relative to the API file. It holds
  all of the above but `stages` and `documentationParts`. Without it, a stage serves its API file's
  definition, and a canary its stage's.
- A method's entry in `methodSettings` starts as a copy of `*/*`, wherever that stands, and changes
  what it names. Its key is the path without its leading slash and the method: `pets/{petId}/GET`.
  The root's is `//GET`.
- One mistake refuses the whole API, and its last good form stays. Other APIs are not held back.
- YAML is read by version 1.2's rules: `yes`, `on` and `no` are text. Unknown and repeated keys are
  errors. A file has at most 2 MiB, 64 levels and 100,000 values, aliases expanded, and its
  aliases repeat at most 33,554,432 characters.
- Hidden files and editors' backups are ignored.
"""

DOMAINS_TEXT = """\
## Custom domain names: `domains.yaml`

Maps host names to base path mappings. One mistake refuses the whole file.

```yaml
api.example.com:
  certificateFile: certificates/api.pem     # optional, like all but the name
  privateKeyFile: certificates/api.key
  mutualTlsAuthentication: {truststoreUri: truststores/partners.pem}
  basePathMappings:
    - {basePath: orders/v1, restApiId: orders, stage: prod}
```

Certificates, keys and trust stores are read again when their files change; see [TLS](tls.md).
"""

CONNECTIONS_TEXT = """\
## Connections to backends: `vpc-links.yaml` and `client-certificates/`

`vpc-links.yaml` maps ids of VPC links, or ARNs of their targets, to addresses. One mistake refuses
the whole file. `client-certificates/NAME.pem`, with the key in it or in `NAME.key`, is what a
stage's `clientCertificateId: NAME` shows to its backends. See [backends](backends.md).

```yaml
shop: {targets: ["10.0.0.5:8080", "app.internal"]}
```
"""

USAGE_TEXT = """\
## API keys and usage plans: `usage.yaml`

Maps ids to API keys and usage plans. One mistake refuses the whole file.
[Throttling](throttling.md) tells what they do.

```yaml
apiKeys:
  mobile: {value: at-least-20-characters-that-nobody-guesses}
usagePlans:
  gold:
    apiStages:
      - {apiId: orders, stage: prod, throttle: {/orders/POST: {rateLimit: 5, burstLimit: 10}}}
    throttle: {rateLimit: 100, burstLimit: 20}
    quota: {limit: 10000, period: DAY}
    apiKeys: [mobile]
```
"""

DEFINITIONS: tuple[tuple[str, type], ...] = (
    ("`restApi`", RestApi),
    ("`restApi.endpointConfiguration`", EndpointConfiguration),
    ("A method: `resources.{path}.{METHOD}`", Method),
    ("A method's `integration`", Integration),
    ("An integration's `integrationResponses.{status}`", IntegrationResponse),
    ("An integration's `tlsConfig`", TlsConfig),
    ("A method's `methodResponses.{status}`", MethodResponse),
    ("`gatewayResponses.{TYPE}`", GatewayResponse),
    ("`models.{name}`", Model),
    ("`requestValidators.{id}`", RequestValidator),
    ("`authorizers.{id}`", Authorizer),
    ("An authorizer's `jwtConfiguration`", JwtConfiguration),
    ("A JWT configuration's `issuers`", JwtIssuer),
    ("An issuer's `additionalClaims`", JwtClaim),
    ("An item of `documentationParts`", DocumentationPart),
    ("A documentation part's `location`", DocumentationPartLocation),
    ("A stage: `stages.{name}`", Stage),
    ("A stage's `methodSettings.{path}/{METHOD}`", MethodSetting),
    ("A stage's `accessLogSettings`", AccessLogSettings),
    ("A stage's `canarySettings`", CanarySettings),
    ("A canary's `sticky`", Sticky),
)
DOMAIN_DEFINITIONS: tuple[tuple[str, type], ...] = (
    ("A domain name", DomainName),
    ("Mutual TLS", MutualTlsAuthentication),
    ("A base path mapping", BasePathMapping),
)

USAGE_DEFINITIONS: tuple[tuple[str, type], ...] = (
    ("The file", UsageDefinitions),
    ("An API key: `apiKeys.{id}`", ApiKey),
    ("A usage plan: `usagePlans.{id}`", UsagePlan),
    ("A plan's `apiStages`", ApiStage),
    ("A throttle of a plan, or of a method in a plan", ThrottleSettings),
    ("A plan's `quota`", QuotaSettings),
)

HIDDEN = frozenset({(Stage, "deployment_id"), (CanarySettings, "deployment_id")})
"""What files cannot say: they name a `definition` instead."""


def generate() -> str:
    """Return the page."""
    parts = [INTRODUCTION, SETTINGS_TEXT]
    parts += _settings_tables(Settings, "")
    parts.append(FILES_TEXT)
    parts += [f"### {title}\n\n{_definition_table(cls)}" for title, cls in DEFINITIONS]
    parts.append(DOMAINS_TEXT)
    parts += [f"### {title}\n\n{_definition_table(cls)}" for title, cls in DOMAIN_DEFINITIONS]
    parts.append(USAGE_TEXT)
    parts += [f"### {title}\n\n{_definition_table(cls)}" for title, cls in USAGE_DEFINITIONS]
    parts += [CONNECTIONS_TEXT, f"### A VPC link\n\n{_definition_table(VpcLinkTargets)}"]
    return "\n".join(parts)


def _settings_tables(cls: type, prefix: str) -> Iterator[str]:
    texts, hints = _texts(cls), get_type_hints(cls)
    rows = []
    nested = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint is not Address:
            nested.append((field.name, hint))
            continue
        text = texts[field.name]
        if limits := field.metadata.get("range"):
            text += f" {_range(*limits)}"
        variable = variable_of(prefix + field.name)
        rows.append(f"| `{field.name}` | {_default(field)} | {text} | `{variable}` |")
    title = f"`[{prefix.rstrip('.')}]`" if prefix else "Top level"
    head = "| setting | default | meaning | variable |\n|---|---|---|---|\n"
    yield f"### {title}\n\n{inspect.getdoc(cls)}\n\n{head}" + "\n".join(rows) + "\n"
    for name, hint in nested:
        yield from _settings_tables(hint, f"{name}.")


def _range(lowest: float, highest: float) -> str:
    if highest >= 2**53:
        return f"At least {lowest:.15g}."
    return f"{lowest:.15g} to {highest:.15g}."


def _definition_table(cls: type) -> str:
    texts, hints = _texts(cls), get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        if (cls, field.name) in HIDDEN:
            continue
        names = [camel_case(field.name), *field.metadata.get("aliases", ())]
        name = " or ".join(f"`{each}`" for each in names)
        rows.append(
            f"| {name} | {_type(hints[field.name])} | {_default(field)} | {texts[field.name]} |"
        )
    head = "| member | type | default | meaning |\n|---|---|---|---|\n"
    return f"{inspect.getdoc(cls)}\n\n{head}" + "\n".join(rows) + "\n"


def _texts(cls: type) -> dict[str, str]:
    """Return the text under each field, from the source."""
    module = ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8"))
    (tree,) = (
        each for each in module.body if isinstance(each, ast.ClassDef) and each.name == cls.__name__
    )
    texts = {}
    for statement, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            text = " ".join(str(below.value.value).split())
            texts[statement.target.id] = text.replace("|", "\\|")
    return texts


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return "empty"
    value = field.default
    if value is dataclasses.MISSING:
        return "required"
    if value is None or value == ():
        return "none"
    if value == "":
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _type(next(each for each in arguments if each is not type(None)))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is Mapping:
        return f"map of {_type(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{each.value}`" for each in hint)
    names = {str: "text", bool: "boolean", int: "whole number", float: "number"}
    return names.get(hint) or f"`{hint.__name__}`"


def main(arguments: list[str]) -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is stale")
    parser.add_argument("--target", type=Path, default=TARGET, help="the page's file")
    options = parser.parse_args(arguments)
    page = generate()
    if not options.check:
        options.target.write_text(page, encoding="utf-8")
        return 0
    if options.target.exists() and options.target.read_text(encoding="utf-8") == page:
        return 0
    print(f"{options.target} is stale: run python docs/generate_configuration.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
