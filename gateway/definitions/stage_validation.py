"""What is wrong with a stage or a custom domain name although each value has the right type.

The counterpart of `validation`, for what lives outside deployments.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sized
from typing import Final

from gateway.definitions.codec import join, shown, suggestion
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.method_settings import ALL_METHODS, setting_key
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.stage import CanarySettings, MethodSetting, Stage, StickyBy
from gateway.errors import Problem

STAGE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
VARIABLES_MAX: Final = 100
CACHE_SIZES: Final = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")
"""AWS's sizes of a stage's cache, in GB."""
CACHE_TTL_SECONDS_MAX: Final = 3600
RATE_MAX: Final = 1e9
"""Requests per second; more than any machine serves, and exact in a token bucket."""
BASE_PATH_CHARACTERS: Final = 300
NO_BASE_PATH: Final = "(none)"

_VARIABLE_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_VARIABLE_VALUE: Final = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]{1,512}")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_BASE_PATH: Final = re.compile(r"[A-Za-z0-9$\-_.+!*'()]+(/[A-Za-z0-9$\-_.+!*'()]+)*")
_HOST_CHARACTERS: Final = 253
_DEFAULT_ENDPOINT: Final = ".execute-api."
"""In a name it makes the host of an API, which no domain may take over."""
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
"""A header's or a cookie's name (RFC 9110 section 5.6.2)."""


def problems_of_stage(
    stage: Stage, definitions: Iterable[ApiDefinition], path: str = ""
) -> list[Problem]:
    """Return what is wrong with a stage that serves `definitions` (its own, and its canary's)."""
    problems: list[Problem] = []
    if not STAGE_NAME.fullmatch(stage.stage_name):
        text = "Stage name only allows a-zA-Z0-9_-, 1 to 128 characters"
        problems.append(Problem(path, f"{text}; rename {shown(stage.stage_name)}"))
    _check_variables(stage.variables, join(path, "variables"), problems)
    canary = stage.canary_settings
    if canary is not None:
        here = join(path, "canarySettings")
        if not 0 <= canary.percent_traffic <= 100:
            text = f"must be 0 to 100 percent, not {canary.percent_traffic:g}"
            problems.append(Problem(join(here, "percentTraffic"), text))
        _check_variables(
            canary.stage_variable_overrides, join(here, "stageVariableOverrides"), problems
        )
        problems += problems_of_choice(canary, here)
    if stage.cache_cluster_size is not None and stage.cache_cluster_size not in CACHE_SIZES:
        text = f"must be one of {', '.join(CACHE_SIZES)}, in quotes"
        problems.append(Problem(join(path, "cacheClusterSize"), text))
    _check_settings(stage.method_settings, definitions, join(path, "methodSettings"), problems)
    return problems


def problems_of_choice(canary: CanarySettings, path: str = "") -> list[Problem]:
    """Return what is wrong with how a canary's callers are told apart."""
    problems: list[Problem] = []
    sticky = canary.sticky
    if sticky is not None:
        here = join(path, "sticky.name")
        if sticky.by in {StickyBy.API_KEY, StickyBy.SOURCE_IP}:
            if sticky.name:
                problems.append(Problem(here, f"{sticky.by} needs no name; remove it"))
        elif not sticky.name:
            problems.append(Problem(here, f"names the {sticky.by.lower()}; it must be given"))
        elif sticky.by is not StickyBy.CLAIM and not _TOKEN.fullmatch(sticky.name):
            text = f"{shown(sticky.name)} cannot be the name of a {sticky.by.lower()}"
            problems.append(Problem(here, f"{text}; use letters, digits and hyphens"))
    if canary.force_header is not None and not _TOKEN.fullmatch(canary.force_header):
        text = f"{shown(canary.force_header)} cannot be the name of a header"
        problems.append(
            Problem(join(path, "forceHeader"), f"{text}; use letters, digits and hyphens")
        )
    return problems


def problems_of_domain(domain: DomainName, path: str = "") -> list[Problem]:
    """Return what is wrong with a domain name by itself; references are checked by who has them."""
    problems: list[Problem] = []
    if text := _host_problem(domain.domain_name):
        problems.append(Problem(path, f"{shown(domain.domain_name)} is no host name: {text}"))
    _check_certificate(domain, path, problems)
    seen: set[str] = set()
    for index, mapping in enumerate(domain.base_path_mappings):
        here = f"{join(path, 'basePathMappings')}[{index}]"
        if text := _base_path_problem(mapping.base_path):
            problems.append(Problem(join(here, "basePath"), text))
        if mapping.base_path in seen:
            text = "Base path already exists for this domain name; keep one mapping of"
            problems.append(Problem(here, f"{text} {shown(mapping.base_path)}"))
        seen.add(mapping.base_path)
    return problems


def _check_certificate(domain: DomainName, path: str, problems: list[Problem]) -> None:
    is_by_arn = domain.regional_certificate_arn or domain.certificate_arn
    if domain.certificate_file is not None and is_by_arn:
        text = "is given beside a certificate's ARN, which names files too; keep one"
        problems.append(Problem(join(path, "certificateFile"), text))
    if domain.private_key_file is not None and domain.certificate_file is None:
        text = "is the key of a certificate; add certificateFile"
        problems.append(Problem(join(path, "privateKeyFile"), text))


def problem_of_reference(
    mapping: BasePathMapping,
    stages: Mapping[str, Collection[str]],
    broken: Collection[str],
    path: str,
    *,
    after: Sized = (),
) -> Problem | None:
    """Return what is wrong with the API and stage that a mapping names, if anything.

    `stages`: stage names by API id. An API in `broken` is only warned about: its last good form may
    still be served, and only who serves knows.
    """
    api_id, stage = mapping.rest_api_id, mapping.stage
    if api_id in broken:
        text = f"the API {shown(api_id)} has errors: its last good form is used, if there is one"
        return Problem(join(path, "restApiId"), text, severity="warning")
    if api_id not in stages:
        text = f"Invalid API identifier specified: {shown(api_id)}"
        hint = suggestion(api_id, stages, after=after) if stages else "there is no API at all"
        return Problem(join(path, "restApiId"), f"{text}; {hint}")
    if stage not in (NO_BASE_PATH, *stages[api_id]):
        text = f"Invalid stage identifier specified: {shown(stage)} is no stage of {api_id}"
        hint = suggestion(stage, stages[api_id], after=after) if stages[api_id] else "it has none"
        return Problem(join(path, "stage"), f"{text}; {hint}")
    return None


def _check_variables(variables: Mapping[str, str], path: str, problems: list[Problem]) -> None:
    if len(variables) > VARIABLES_MAX:
        text = f"a stage has at most {VARIABLES_MAX} variables, not {len(variables)}"
        problems.append(Problem(path, text))
    for name, value in variables.items():
        here = join(path, name)
        if not _VARIABLE_NAME.fullmatch(name):
            text = "a stage variable's name may hold a-zA-Z0-9_, 1 to 64 characters"
            problems.append(Problem(here, f"{text}; rename {shown(name)}"))
        if not _VARIABLE_VALUE.fullmatch(value):
            text = "a stage variable's value may hold A-Za-z0-9-._~:/?#&=, and 1 to 512 characters"
            problems.append(Problem(here, f"{text}, unlike {shown(value)}"))


def _check_settings(
    settings: Mapping[str, MethodSetting],
    definitions: Iterable[ApiDefinition],
    path: str,
    problems: list[Problem],
) -> None:
    methods = {
        setting_key(resource.path, http_method): None
        for definition in definitions
        for resource in definition.resources
        for http_method in resource.methods
    }
    for key, setting in settings.items():
        here = join(path, key)
        if not 0 <= setting.cache_ttl_in_seconds <= CACHE_TTL_SECONDS_MAX:
            text = f"must be 0 to {CACHE_TTL_SECONDS_MAX} seconds"
            problems.append(Problem(join(here, "cacheTtlInSeconds"), text))
        for member, limit in (
            ("throttlingRateLimit", setting.throttling_rate_limit),
            ("throttlingBurstLimit", setting.throttling_burst_limit),
        ):
            if not 0 <= limit <= RATE_MAX:
                text = f"must be 0 to {RATE_MAX:.0f} requests; 0 refuses all, not {limit:g}"
                problems.append(Problem(join(here, member), text))
        if key != ALL_METHODS and key not in methods:
            text = "no deployed method has this key, so the entry acts on nothing"
            hint = suggestion(key, methods, after=problems)
            problems.append(Problem(here, f"{text}; {hint}", severity="warning"))


def _host_problem(name: str) -> str:
    labels = name.split(".")
    if labels[0] == "*":
        labels = labels[1:]
    if name != name.lower():
        return "write it in lower case"
    if any("*" in label for label in labels):
        return "a star may stand only for the whole leftmost label, as in *.example.com"
    if len(name) > _HOST_CHARACTERS or len(labels) < 2:
        return f"write at least two labels, {_HOST_CHARACTERS} characters at most: api.example.com"
    if _DEFAULT_ENDPOINT in f".{name}":
        return "{api}.execute-api names are those of the APIs themselves; take another"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "labels hold a-z, 0-9, hyphens inside, 63 characters at most; no port, no path"
    return ""


def _base_path_problem(base_path: str) -> str:
    if base_path == NO_BASE_PATH:
        return ""
    if not _BASE_PATH.fullmatch(base_path) or len(base_path) > BASE_PATH_CHARACTERS:
        text = "may hold letters, digits and $-_.+!*'(), with single slashes inside only"
        return f"a base path {text}, {BASE_PATH_CHARACTERS} characters at most; or (none)"
    if any(segment in (".", "..") for segment in base_path.split("/")):
        return "a base path has no segments . or ..: requests with such are refused"
    return ""
