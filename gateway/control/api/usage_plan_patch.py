"""UpdateUsagePlan's patches.

The working copy holds a plan's columns, under `stages` its API stages by `{api}:{stage}`, and under
`check_stage` what refuses a stage that is not there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from gateway.control.api import patch
from gateway.control.api.patch import PatchOperation, PatchTable, Rule, Working, rule
from gateway.control.api.usage_plan_limits import (
    checked_method_throttles,
    checked_quota,
    checked_throttle,
    method_key,
)
from gateway.control.api.usage_plan_stages import no_such_stage, stage_key
from gateway.definitions.stage_validation import RATE_MAX
from gateway.definitions.usage_validation import COUNT_MAX
from gateway.errors import ControlError, bad_request

NAME_CHARACTERS: Final = 1024
DESCRIPTION_CHARACTERS: Final = 125_000
PRODUCT_CODE_CHARACTERS: Final = 256

# Tools write the resource's path into the patch's as it is: throttle//pets/GET/rateLimit.
_METHOD_THROTTLE: Final = re.compile(
    r"(/apiStages/[^/]+/throttle/)(.*)/([A-Z]+)((?:/(?:rateLimit|burstLimit))?)"
)


def patch_plan(operations: Sequence[PatchOperation], working: Working) -> None:
    """Apply operations in order to the working copy.

    Raises:
        ControlError: one of them cannot be, or the quota they leave is none.
    """
    _PATCHES.apply([_with_escaped_path(operation) for operation in operations], working)
    if working["quota"] is not None:
        working["quota"] = checked_quota(working["quota"])


def check_name(name: str | None) -> str:
    """Return the name of a plan.

    Raises:
        ControlError: (BadRequestException) it is empty, or too long.
    """
    if not name or len(name) > NAME_CHARACTERS:
        raise bad_request(f"Usage Plan name must have 1 to {NAME_CHARACTERS} characters")
    return name


def check_description(description: str | None) -> str | None:
    """Return the description of a plan.

    Raises:
        ControlError: (BadRequestException) it is too long.
    """
    if description is not None and len(description) > DESCRIPTION_CHARACTERS:
        raise bad_request(f"Description can be at most {DESCRIPTION_CHARACTERS} characters")
    return description


def _with_escaped_path(operation: PatchOperation) -> PatchOperation:
    """Return an operation whose path holds the resource's path as one segment."""
    found = _METHOD_THROTTLE.fullmatch(operation.path)
    if found is None:
        return operation
    before, path, http_method, leaf = found.groups()
    whole = "/" + patch.unescape(path).strip("/")
    escaped = whole.replace("~", "~0").replace("/", "~1")
    return dataclasses.replace(operation, path=f"{before}{escaped}/{http_method}{leaf}")


def _product_code(value: str | None) -> str | None:
    if value and len(value) > PRODUCT_CODE_CHARACTERS:
        raise bad_request(f"Product code can be at most {PRODUCT_CODE_CHARACTERS} characters")
    return value or None


def _patch_stage(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    key = stage_key(operation.value)
    stages = working["stages"]
    if operation.op == "add":
        working["check_stage"](key)
        stages.setdefault(key, None)
    elif key not in stages:
        raise no_such_stage(key, working["id"])
    else:
        del stages[key]


def _stage_in(working: Working, text: str) -> str:
    key = stage_key(text)
    if key not in working["stages"]:
        raise no_such_stage(key, working["id"])
    return key


def _patch_throttles(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
    """Write or remove the throttles of all methods of a stage."""
    key = _stage_in(working, places[0])
    if operation.op == "remove":
        working["stages"][key] = None
        return
    try:
        found = orjson.loads(operation.value or "")
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(_is_throttle(each) for each in found.values()):
        raise bad_request(
            "Invalid throttle specified: must be a JSON object such as "
            '{"/pets/GET": {"rateLimit": 10, "burstLimit": 20}}'
        )
    working["stages"][key] = checked_method_throttles(found)


def _is_throttle(value: Any) -> bool:
    return isinstance(value, dict) and all(
        (name == "rateLimit" and isinstance(each, int | float) and not isinstance(each, bool))
        or (name == "burstLimit" and isinstance(each, int) and not isinstance(each, bool))
        for name, each in value.items()
    )


def _remove_method(working: Working, _operation: PatchOperation, places: tuple[str, ...]) -> None:
    key = _stage_in(working, places[0])
    throttles = dict(working["stages"][key] or {})
    named = method_key(f"{places[1]}/{places[2]}")
    if named not in throttles:
        raise bad_request(f"There is no throttle for method {named}")
    del throttles[named]
    working["stages"][key] = throttles or None


def _method_limit(
    name: str, convert: patch.Convert
) -> Callable[[Working, PatchOperation, tuple[str, ...]], None]:
    def apply(working: Working, operation: PatchOperation, places: tuple[str, ...]) -> None:
        key = _stage_in(working, places[0])
        throttles = dict(working["stages"][key] or {})
        named = method_key(f"{places[1]}/{places[2]}")
        changed = {**throttles.get(named, {}), name: convert(operation.value)}
        throttles[named] = checked_throttle(changed)
        working["stages"][key] = checked_method_throttles(throttles)

    return apply


def _limit(
    column: str, name: str, convert: patch.Convert
) -> Callable[[Working, PatchOperation, tuple[str, ...]], None]:
    """Return what sets a member of `throttle` or `quota`, making it if need be."""

    def apply(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
        working[column] = {**(working[column] or {}), name: convert(operation.value)}

    return apply


def _unknown(operation: PatchOperation, rules: Sequence[Rule]) -> ControlError:
    """Return the listing of paths, with places written as AWS writes them."""
    told = [
        dataclasses.replace(each, template=each.template.replace("{", "<").replace("}", ">"))
        for each in rules
    ]
    return patch.listing(operation, told)


_RATE: Final = patch.number(
    f"Usage Plan rate limit must be a number from 0 to {RATE_MAX:.0f}", 0, RATE_MAX
)
_BURST: Final = patch.integer(
    f"Usage Plan burst limit must be a whole number from 0 to {COUNT_MAX}", 0, COUNT_MAX
)
_LIMIT: Final = patch.integer("Usage Plan quota limit must be a non-negative number", 0, COUNT_MAX)
_OFFSET: Final = patch.integer(
    "Usage Plan quota offset must be a non-negative number", 0, COUNT_MAX
)
_STAGE_THROTTLE: Final = "/apiStages/{apidId:stageName}/throttle"  # The typing error is AWS's.
_METHOD: Final = _STAGE_THROTTLE + "/{resourcePath}/{httpMethod}"

_PATCHES: Final = PatchTable(
    (
        rule("/apiStages", "add remove", _patch_stage),
        rule("/quota", "remove", patch.member("quota")),
        rule("/throttle", "remove", patch.member("throttle")),
        rule("/productCode", "add replace remove", patch.member("product_code", _product_code)),
        rule(_METHOD, "remove", _remove_method),
        rule(_STAGE_THROTTLE, "add replace remove", _patch_throttles),
        rule("/name", "replace", patch.member("name", check_name)),
        rule("/description", "replace", patch.member("description", check_description)),
        rule("/quota/limit", "add replace", _limit("quota", "limit", _LIMIT)),
        rule("/quota/offset", "add replace", _limit("quota", "offset", _OFFSET)),
        rule("/quota/period", "add replace", _limit("quota", "period", patch.text)),
        rule("/throttle/burstLimit", "add replace", _limit("throttle", "burstLimit", _BURST)),
        rule("/throttle/rateLimit", "add replace", _limit("throttle", "rateLimit", _RATE)),
        rule(f"{_METHOD}/burstLimit", "add replace", _method_limit("burstLimit", _BURST)),
        rule(f"{_METHOD}/rateLimit", "add replace", _method_limit("rateLimit", _RATE)),
    ),
    unknown=_unknown,
)
