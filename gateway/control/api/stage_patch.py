"""UpdateStage's patches: the rules that no other object has, word for word.

The working copy holds a stage's columns, and under `settings` its method settings by key, each a
dict of columns. Deployment ids are checked by `check_deployment`, which the caller passes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.control.api.access_logs import checked_destination, checked_format
from gateway.control.api.patch import PatchOperation, Working, boolean, finite_number, unescape
from gateway.control.api.stage_rows import CACHE_SIZE, canary_of, check_variables
from gateway.definitions.method_settings import ALL_METHODS, covers_get, normalise_key
from gateway.definitions.stage import CacheControlStrategy, LoggingLevel
from gateway.definitions.stage_validation import CACHE_TTL_SECONDS_MAX, RATE_MAX
from gateway.errors import ControlError, bad_request

CheckDeployment = Callable[[str | None], str]
"""Returns a deployment id of the stage's API, or raises ControlError."""

_NAMES: Final = (
    "metrics/enabled",
    "logging/dataTrace",
    "logging/loglevel",
    "throttling/burstLimit",
    "throttling/rateLimit",
    "caching/ttlInSeconds",
    "caching/enabled",
    "caching/dataEncrypted",
    "caching/requireAuthorizationForCacheControl",
    "caching/unauthorizedCacheControlHeaderStrategy",
)
# The missing commas are AWS's.
_VALID_PATHS: Final = (
    "[/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, "
    "/accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, "
    "/{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, "
    "/{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit"
    "/{resourcePath}/{httpMethod}/throttling/rateLimit"
    "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, "
    "/{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, "
    "/*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, "
    "/*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, "
    "/*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, "
    "/*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, "
    "/tracingEnabled]"
)

_COPY_PATHS: Final = ("/deploymentId", "/variables")
_COPY_SOURCES: Final = ("/canarySettings/deploymentId", "/canarySettings/stageVariableOverrides")

SETTING_DEFAULTS: Final[Mapping[str, Any]] = {
    "metrics_enabled": False,
    "logging_level": None,
    "data_trace_enabled": False,
    "throttling_burst_limit": 5000,
    "throttling_rate_limit": 10_000.0,
    "caching_enabled": False,
    "cache_ttl_in_seconds": 300,
    "cache_data_encrypted": False,
    "require_authorization_for_cache_control": True,
    "unauthorized_cache_control_header_strategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
"""What setting one property of an entry fills the others with."""


def patch_stage(
    operations: list[PatchOperation], working: Working, check_deployment: CheckDeployment
) -> None:
    """Apply operations in order to the working copy.

    Raises:
        ControlError: one of them cannot be; the working copy is spoilt.
    """
    for operation in operations:
        match operation.op:
            case "replace":
                _replace(operation, working, check_deployment)
            case "add":
                _add(operation, working)
            case "remove":
                _remove(operation, working)
            case "copy":
                _copy(operation, working)
            case _:
                raise _invalid(operation)


def _replace(
    operation: PatchOperation, working: Working, check_deployment: CheckDeployment
) -> None:
    value = operation.value
    match operation.path[1:].split("/") if operation.path.startswith("/") else []:
        case ["deploymentId"]:
            working["deployment_id"] = check_deployment(value)
        case ["cacheClusterSize"]:
            if value not in CACHE_SIZE.enum:
                allowed = ", ".join(CACHE_SIZE.enum)
                raise bad_request(f"Invalid cache cluster size. Must be one of: [{allowed}]")
            working["cache_cluster_size"] = value
        case [name] if name in _BOOLEANS:
            working[_BOOLEANS[name]] = boolean(value)
        case [name] if name in _TEXTS:
            working[_TEXTS[name]] = value or None
        case ["variables", _] | ["accessLogSettings", *_]:
            _add(operation, working)
        case ["canarySettings", *rest] if rest:
            _replace_canary(operation, rest, working, check_deployment)
        case [path, http_method, group, name]:
            _replace_setting(operation, f"{path}/{http_method}", f"{group}/{name}", working)
        case _:
            raise _invalid(operation)


def _add(operation: PatchOperation, working: Working) -> None:
    value = operation.value
    match operation.path[1:].split("/") if operation.path.startswith("/") else []:
        case ["variables", name]:
            working["variables"][unescape(name)] = value or ""
            check_variables(working["variables"])
        case ["accessLogSettings", leaf, *more]:
            if leaf not in ("destinationArn", "format") or more:
                raise bad_request(
                    "Invalid accessLogSettings path. Must be one of : "
                    "[/accessLogSettings/destinationArn, /accessLogSettings/format]"
                )
            if not value:
                raise bad_request("Access Log value must not be empty")
            check = checked_destination if leaf == "destinationArn" else checked_format
            working["access_log_settings"] = {
                **(working["access_log_settings"] or {}),
                leaf: check(value),
            }
        case [name, *_] if name in _KNOWN or operation.path.count("/") == 4:
            raise bad_request(f"Invalid add operation with path: {operation.path}")
        case _:
            raise _invalid(operation)


def _remove(operation: PatchOperation, working: Working) -> None:
    match operation.path[1:].split("/") if operation.path.startswith("/") else []:
        case ["accessLogSettings"]:
            working["access_log_settings"] = None
        case ["canarySettings"]:
            working["canary_settings"] = None
        case ["variables", name] if unescape(name) in working["variables"]:
            del working["variables"][unescape(name)]
        case [path, http_method, *rest]:
            key = normalise_key(f"{path}/{http_method}") if not rest else None
            if key is None or key not in working["settings"]:
                shown = unescape(operation.path[1:])
                raise bad_request(
                    f"Cannot remove method setting {shown} because there is no method setting for "
                    "this method "
                )
            del working["settings"][key]
        case _:
            raise _invalid(operation)


def _copy(operation: PatchOperation, working: Working) -> None:
    path, source = operation.path, operation.source
    if (path, source) not in set(zip(_COPY_PATHS, _COPY_SOURCES, strict=True)):
        raise bad_request(
            f"Invalid copy operation with path: {path} and from {source}. Valid copy:path are "
            f"[{', '.join(_COPY_PATHS)}] and valid copy:from are [{', '.join(_COPY_SOURCES)}]"
        )
    canary = working["canary_settings"]
    if canary is None:
        raise bad_request("Promotion not available. Canary does not exist.")
    if path == "/deploymentId":
        working["deployment_id"] = canary["deploymentId"]
    else:
        working["variables"] |= canary.get("stageVariableOverrides", {})
        check_variables(working["variables"])


def _replace_canary(
    operation: PatchOperation,
    rest: list[str],
    working: Working,
    check_deployment: CheckDeployment,
) -> None:
    canary = working["canary_settings"] or {"deploymentId": working["deployment_id"]}
    overrides = dict(canary.get("stageVariableOverrides", {}))
    value = operation.value
    match rest:
        case ["deploymentId"]:
            canary = {**canary, "deploymentId": check_deployment(value)}
        case ["percentTraffic"]:
            canary = {**canary, "percentTraffic": _number(value, "percentTraffic")}
        case ["useStageCache"]:
            canary = {**canary, "useStageCache": boolean(value)}
        case ["sticky"]:
            canary = {**canary, "sticky": _sticky(value)}
        case ["forceHeader"]:
            canary = {**canary, "forceHeader": value or None}
        case ["stageVariableOverrides"]:
            canary = {**canary, "stageVariableOverrides": _map(value)}
        case ["stageVariableOverrides", name]:
            canary = {
                **canary,
                "stageVariableOverrides": {**overrides, unescape(name): value or ""},
            }
        case _:
            raise _invalid(operation)
    working["canary_settings"] = canary_of(canary)


def _sticky(value: str | None) -> dict[str, str] | None:
    """Read `HEADER:X-User` or `SOURCE_IP` (one text: a patch has no other values); empty: none."""
    by, _, name = (value or "").partition(":")
    return {"by": by, "name": name} if by else None


def _replace_setting(operation: PatchOperation, where: str, name: str, working: Working) -> None:
    """Set one property of an entry; a new entry begins as a copy of `*/*` as it is now."""
    key = normalise_key(where)
    known = _SETTINGS.get(name)
    if key is None or known is None:
        raise _invalid(operation)
    column, convert = known
    settings = working["settings"]
    entry = settings.get(key)
    if entry is None:
        entry = dict(settings.get(ALL_METHODS) or SETTING_DEFAULTS)
        # See `method_settings.copied_for`.
        entry["caching_enabled"] = entry["caching_enabled"] and covers_get(key)
    settings[key] = {**entry, column: convert(operation.value, name)}


def _invalid(operation: PatchOperation) -> ControlError:
    path = operation.path or "null"
    return bad_request(f"Invalid method setting path: {path}. Must be one of: {_VALID_PATHS}")


def _number(value: str | None, name: str) -> float:
    number = finite_number(value)
    if number is None:
        raise bad_request(f"Invalid value for {name}: must be a number")
    return number


def _limit(value: str | None, name: str) -> float:
    """Return a rate or a burst; tools write -1 for "not limited"."""
    number = _number(value, name)
    if not (number == -1 or 0 <= number <= RATE_MAX):
        raise bad_request(f"Invalid value for {name}: must be 0 to {RATE_MAX:.0f}, or -1")
    return number


def _burst(value: str | None, name: str) -> int:
    number = _limit(value, name)
    if number != int(number):
        raise bad_request(f"Invalid value for {name}: must be a whole number")
    return int(number)


def _ttl(value: str | None, name: str) -> int:
    number = _number(value, name)
    if not 0 <= number <= CACHE_TTL_SECONDS_MAX or number != int(number):
        raise bad_request(f"Invalid value for {name}: must be 0 to {CACHE_TTL_SECONDS_MAX}")
    return int(number)


def _flag(value: str | None, _name: str) -> bool:
    return boolean(value)


def _level(value: str | None, name: str) -> str:
    return _choice(value, name, tuple(LoggingLevel))


def _strategy(value: str | None, name: str) -> str:
    return _choice(value, name, tuple(CacheControlStrategy))


def _choice(value: str | None, name: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise bad_request(f"Invalid value for {name}: must be one of [{', '.join(allowed)}]")
    return str(value)


def _map(value: str | None) -> dict[str, str]:
    try:
        found = orjson.loads(value or "{}")
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise bad_request("Invalid value for stageVariableOverrides: must be a JSON map of text")
    return found


_BOOLEANS: Final = {
    "cacheClusterEnabled": "cache_cluster_enabled",
    "tracingEnabled": "tracing_enabled",
}
_TEXTS: Final = {
    "description": "description",
    "clientCertificateId": "client_certificate_id",
    "documentationVersion": "documentation_version",
}
_KNOWN: Final = frozenset(
    {*_BOOLEANS, *_TEXTS, "deploymentId", "cacheClusterSize", "canarySettings"}
)

_SETTINGS: Final[Mapping[str, tuple[str, Callable[[str | None, str], Any]]]] = dict(
    zip(
        _NAMES,
        (
            ("metrics_enabled", _flag),
            ("data_trace_enabled", _flag),
            ("logging_level", _level),
            ("throttling_burst_limit", _burst),
            ("throttling_rate_limit", _limit),
            ("cache_ttl_in_seconds", _ttl),
            ("caching_enabled", _flag),
            ("cache_data_encrypted", _flag),
            ("require_authorization_for_cache_control", _flag),
            ("unauthorized_cache_control_header_strategy", _strategy),
        ),
        strict=True,
    )
)
"""Suffix of a path to its column and converter."""
