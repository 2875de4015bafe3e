"""Writes a config directory to load: real sets of resource paths, several hosts, stages, limits.

`python -m loadtests.make_config DIRECTORY`, then `stagegate run --config DIRECTORY`. Every method
is a MOCK that answers with the resource path it was found under, so whoever asks can tell a wrong
route from a right one. `targets()` lists requests with the answers they must get; the locust file
uses it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROUTE_SETS: Final = Path(__file__).resolve().parent.parent / "tests" / "data" / "routes"

THROTTLE_RATE: Final = 50.0
THROTTLE_BURST: Final = 25
"""Of `demo`'s `/limited`, per second and at once."""
CANARY_PERCENT: Final = 20.0
"""Of `demo`'s stage `prod`."""
DEMO_HOST: Final = "demo.load.test"

_VARIABLE: Final = re.compile(r"\{([^}+]+)(\+?)\}")
_GREEDY: Final[Mapping[str, tuple[str, ...]]] = {
    "github": ("/pages-site/{proxy+}", "/repos/{owner}/{repo}/raw/{proxy+}"),
    "okta": ("/assets/{proxy+}",),
    "openai": ("/{proxy+}",),
}
"""The collected sets have no greedy paths; these are laid over them."""
_MOUNTS: Final[tuple[tuple[str, str, str, str | None], ...]] = (
    ("github.load.test", "(none)", "github", "prod"),
    ("github.load.test", "enterprise/v3", "github", "dev"),
    ("api.load.test", "identity", "okta", "prod"),
    ("api.load.test", "ai/v1", "openai", "prod"),
    ("*.tenants.load.test", "(none)", "openai", None),
    (DEMO_HOST, "(none)", "demo", "prod"),
)
"""Host, base path, API and stage; without a stage, the path's first segment names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A request that a gateway with this configuration answers with 200."""

    kind: str
    """`static`, `param` or `greedy`: what decides the last segments."""
    host: str
    path: str
    resource: str
    """Resource path that must serve it; its answer says it."""
    stage: str
    api: str


def mock(template: str, status: int = 200) -> dict[str, Any]:
    """Return a method, as a file's value, that answers with a template."""
    return {
        "integration": {
            "type": "MOCK",
            "requestTemplates": {"application/json": json.dumps({"statusCode": status})},
            "integrationResponses": {
                str(status): {"responseTemplates": {"application/json": template}}
            },
        },
        "methodResponses": {str(status): {}},
    }


def proxy(uri: str, **more: Any) -> dict[str, Any]:
    """Return a method, as a file's value, that passes requests through to `uri`."""
    return {"integration": {"type": "HTTP_PROXY", "uri": uri, **more}}


def write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    """Write a configuration file: JSON, which is YAML as well. The file appears whole or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    temporary.replace(path)


def route_set(name: str) -> tuple[str, ...]:
    """Return the resource paths of `github`, `okta` or `openai`, greedy ones added.

    What AWS refuses is mended: siblings that are variables of different names get the first one's,
    and two of Okta's lines lose the query that was collected with them.
    """
    lines = (ROUTE_SETS / f"{name}.txt").read_text("utf-8").split()
    paths = sorted({line.partition("?")[0] for line in lines})
    return _with_equal_siblings([*paths, *_GREEDY[name]])


def _with_equal_siblings(paths: Iterable[str]) -> tuple[str, ...]:
    names: dict[str, str] = {}
    renamed: dict[str, None] = {}
    for path in paths:
        done = ""
        for segment in path.split("/")[1:]:
            variable = _VARIABLE.fullmatch(segment)
            # A greedy variable may stand beside a plain one of another name.
            if variable is not None and not variable[2]:
                segment = names.setdefault(done, segment)  # noqa: PLW2901
            done = f"{done}/{segment}"
        renamed[done] = None
    return tuple(renamed)


def targets() -> list[Target]:
    """Return one request for each resource under each of its mounts, in a fixed mixed order."""
    found = [
        _target(api, resource, host, base_path, stage)
        for host, base_path, api, stage in _MOUNTS
        if api != "demo"
        for resource in route_set(api)
    ]
    random.Random(1).shuffle(found)
    return found


def _target(api: str, resource: str, host: str, base_path: str, stage: str | None) -> Target:
    variables = _VARIABLE.findall(resource)
    greedy = any(plus for _, plus in variables)
    path = _VARIABLE.sub(lambda match: "a/b.js" if match[2] else f"{match[1][:4]}-4f9c2a", resource)
    prefix = "" if base_path == "(none)" else f"/{base_path}"
    # Of a wildcard any one label will do; several are used, as tenants would.
    tenant = f"t{len(resource) % 7}"
    return Target(
        kind="greedy" if greedy else "param" if variables else "static",
        host=host.replace("*", tenant),
        path=prefix + ("" if stage else "/dev") + path,
        resource=resource,
        stage=stage or "dev",
        api=api,
    )


def api_document(name: str, resources: Iterable[str]) -> dict[str, Any]:
    """Return the file of an API whose methods say which resource and stage answered."""
    answer = mock('{"resource": "$context.resourcePath", "stage": "$context.stage"}')
    methods = {
        resource: {"ANY" if resource.endswith("+}") else "GET": answer} for resource in resources
    }
    return {
        "restApi": {"name": f"Load test: {name}"},
        "resources": methods,
        "stages": {"dev": {}, "prod": {"accessLogSettings": {"destination": "logs/load.log"}}},
    }


def demo_document() -> dict[str, Any]:
    """Return the file of the API with a throttled method and a canary."""
    return {
        "restApi": {"name": "Load test: limits and canary"},
        "resources": {
            "/limited": {"GET": mock('{"limited": true}')},
            "/arm": {"GET": mock('{"arm": "base"}')},
        },
        "stages": {
            "prod": {
                "methodSettings": {
                    "limited/GET": {
                        "throttlingRateLimit": THROTTLE_RATE,
                        "throttlingBurstLimit": THROTTLE_BURST,
                    }
                },
                "canarySettings": {
                    "percentTraffic": CANARY_PERCENT,
                    "definition": "versions/demo-next.yaml",
                },
            }
        },
    }


def reloaded_document(turn: int) -> dict[str, Any]:
    """Return an API of 300 methods that differs from turn to turn: something to reload."""
    answer = mock(json.dumps({"turn": turn}))
    resources = {f"/things/{index}/{{id}}": {"GET": answer} for index in range(300)}
    return {
        "restApi": {"name": "Load test: reloads"},
        "resources": resources,
        "stages": {"prod": {}},
    }


def domains_document(
    mounts: Iterable[tuple[str, str, str, str | None]] = _MOUNTS,
) -> dict[str, Any]:
    """Return `domains.yaml` for hosts, base paths, APIs and stages."""
    domains: dict[str, Any] = {}
    for host, base_path, api, stage in mounts:
        mapping = {"basePath": base_path, "restApiId": api}
        if stage:
            mapping["stage"] = stage
        domains.setdefault(host, {"basePathMappings": []})["basePathMappings"].append(mapping)
    return domains


def write(directory: Path) -> None:
    """Write the whole configuration."""
    apis = directory / "apis"
    for name in _GREEDY:
        write_yaml(apis / f"{name}.yaml", api_document(name, route_set(name)))
    write_yaml(
        apis / "versions" / "demo-next.yaml",
        {
            "resources": {
                "/limited": {"GET": mock('{"limited": true}')},
                "/arm": {"GET": mock('{"arm": "canary"}')},
            }
        },
    )
    write_yaml(apis / "demo.yaml", demo_document())
    write_yaml(apis / "reloaded.yaml", reloaded_document(0))
    write_yaml(directory / "domains.yaml", domains_document())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write to the directory named; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.make_config",
        description="Write a config directory of real route sets for load tests.",
    )
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="new or empty")
    directory: Path = parser.parse_args(arguments).directory
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        print(f"{directory} is not an empty directory; name a new one", file=sys.stderr)
        return 2
    write(directory)
    count = sum(len(route_set(name)) for name in _GREEDY)
    print(f"{directory}: {count} resources of {len(_GREEDY)} APIs, and the demo API")
    print(f"serve it: stagegate run --config {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
