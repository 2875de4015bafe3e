"""What is wrong with usage plans and API keys although each value has the right type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.definitions.codec import join, shown, suggestion
from gateway.definitions.resource_tree import problem_of_path
from gateway.definitions.rest_api import METHODS
from gateway.definitions.stage_validation import RATE_MAX
from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    QuotaPeriod,
    QuotaSettings,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.errors import Problem

COUNT_MAX: Final = 2**31 - 1
METHOD_THROTTLES_MAX: Final = 200
"""Methods of one stage with throttles of their own in one plan (AWS: 20, adjustable)."""
VALUE_CHARACTERS: Final = (20, 128)
"""The shortest and the longest value of a key."""
PLANS_OF_KEY_MAX: Final = 100
"""Usage plans of one key (AWS: 10, adjustable)."""
NAME_CHARACTERS: Final = 1024
OFFSETS_MAX: Final = {QuotaPeriod.DAY: 0, QuotaPeriod.WEEK: 6, QuotaPeriod.MONTH: 27}
"""AWS's bounds of `offset`: they stem from a time when it was the day on which a period began."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def normalise_method_key(key: str) -> str | None:
    """Return the kept form of a method's key, `/pets/GET` or `//GET`; None: it names no method."""
    path, slash, http_method = key.rpartition("/")
    path = "/" + path.strip("/")
    if not slash or http_method not in METHODS or (path != "/" and problem_of_path(path)):
        return None
    return f"{path}/{http_method}"


def problem_of_value(value: str) -> str:
    """Return what is wrong with the value of a key, in AWS's words; empty: nothing."""
    shortest, longest = VALUE_CHARACTERS
    if len(value) < shortest:
        return f"API Key value should be at least {shortest} characters"
    if len(value) > longest:
        return f"API Key value exceeds maximum size of {longest} characters"
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return (
            "Invalid API Key value specified: ASCII characters that can be printed, without spaces "
            "at its ends"
        )
    return ""


def complete(usage: UsageDefinitions, problems: list[Problem]) -> UsageDefinitions:
    """Return what a file says with every id, name and method key in its kept form.

    What is wrong with it is added to `problems`; only without an error may the result be served.
    """
    keys: dict[str, ApiKey] = {}
    for id_, key in usage.api_keys.items():
        _check_named(id_, key.id, key.name, join("apiKeys", id_), problems)
        keys[id_] = replace(key, id=id_)
    _check_values(keys, problems)
    plans: dict[str, UsagePlan] = {}
    for id_, plan in usage.usage_plans.items():
        here = join("usagePlans", id_)
        _check_named(id_, plan.id, plan.name, here, problems)
        stages = tuple(
            _normalised(each, f"{join(here, 'apiStages')}[{index}]", problems)
            for index, each in enumerate(plan.api_stages)
        )
        plans[id_] = replace(plan, id=id_, name=plan.name or id_, api_stages=stages)
        _check_plan(plans[id_], here, keys, problems)
    _check_memberships(plans, problems)
    return UsageDefinitions(api_keys=keys, usage_plans=plans)


def _check_named(id_: str, written: str, name: str, path: str, problems: list[Problem]) -> None:
    if written not in ("", id_):
        text = "must repeat the key it stands under, or be left out"
        problems.append(Problem(join(path, "id"), text))
    if not _ID.fullmatch(id_):
        text = f"the id {shown(id_)} may hold letters, digits, _ and -, 128 characters at most"
        problems.append(Problem(path, text))
    if len(name) > NAME_CHARACTERS:
        text = f"must have at most {NAME_CHARACTERS} characters"
        problems.append(Problem(join(path, "name"), text))


def _check_values(keys: Mapping[str, ApiKey], problems: list[Problem]) -> None:
    owners: dict[str, str] = {}
    for id_, key in keys.items():
        here = join(join("apiKeys", id_), "value")
        if text := problem_of_value(key.value):
            problems.append(Problem(here, text))
        elif owners.setdefault(key.value, id_) != id_:
            # The value itself is in no message: it is a secret.
            text = f"API Key already exists: {owners[key.value]} has the same value"
            problems.append(Problem(here, text))


def _normalised(api_stage: ApiStage, path: str, problems: list[Problem]) -> ApiStage:
    here = join(path, "throttle")
    throttles: dict[str, ThrottleSettings] = {}
    for key, throttle in api_stage.throttle.items():
        method_key = normalise_method_key(key)
        if method_key is None:
            text = "names no method: write {resource path}/{METHOD}, such as /pets/GET"
            problems.append(Problem(join(here, key), text))
        elif method_key in throttles:
            text = f"names the same method as another entry, {shown(method_key)}; merge the two"
            problems.append(Problem(join(here, key), text))
        else:
            throttles[method_key] = throttle
            _check_throttle(throttle, join(here, key), problems)
    if len(throttles) > METHOD_THROTTLES_MAX:
        text = f"at most {METHOD_THROTTLES_MAX} methods of a stage have throttles in a usage plan"
        problems.append(Problem(here, text))
    return replace(api_stage, throttle=throttles)


def _check_plan(
    plan: UsagePlan, path: str, keys: Mapping[str, ApiKey], problems: list[Problem]
) -> None:
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(plan.api_stages):
        if (each.api_id, each.stage) in seen:
            text = f"the plan has {shown(f'{each.api_id}:{each.stage}')} already; keep one entry"
            problems.append(Problem(f"{join(path, 'apiStages')}[{index}]", text))
        seen.add((each.api_id, each.stage))
    if plan.throttle is not None:
        _check_throttle(plan.throttle, join(path, "throttle"), problems)
    if plan.quota is not None:
        _check_quota(plan.quota, join(path, "quota"), problems)
    for index, key_id in enumerate(plan.api_keys):
        here = f"{join(path, 'apiKeys')}[{index}]"
        if key_id not in keys:
            hint = suggestion(key_id, keys, after=problems) if keys else "there are no apiKeys"
            problems.append(Problem(here, f"there is no API key {shown(key_id)}; {hint}"))
        elif key_id in plan.api_keys[:index]:
            problems.append(Problem(here, f"{shown(key_id)} stands here twice; keep it once"))


def _check_throttle(throttle: ThrottleSettings, path: str, problems: list[Problem]) -> None:
    rate, burst = throttle.rate_limit, throttle.burst_limit
    if rate is not None and not (math.isfinite(rate) and 0 <= rate <= RATE_MAX):
        text = f"must be 0 to {RATE_MAX:.0f} requests a second; 0 refuses all"
        problems.append(Problem(join(path, "rateLimit"), text))
    if burst is not None and not 0 <= burst <= COUNT_MAX:
        text = f"must be 0 to {COUNT_MAX} requests; 0 refuses all"
        problems.append(Problem(join(path, "burstLimit"), text))


def _check_quota(quota: QuotaSettings, path: str, problems: list[Problem]) -> None:
    highest = OFFSETS_MAX[quota.period]
    if not 0 <= quota.limit <= COUNT_MAX:
        text = f"must be 0 to {COUNT_MAX} requests, not {quota.limit}"
        problems.append(Problem(join(path, "limit"), text))
    if not 0 <= quota.offset <= highest:
        allowed = f"0 to {highest}" if highest else "0"
        text = f"must be {allowed} where the period is {quota.period}, not {quota.offset}"
        problems.append(Problem(join(path, "offset"), text))


def _check_memberships(plans: Mapping[str, UsagePlan], problems: list[Problem]) -> None:
    """Each key has each stage through one plan, and is in few plans."""
    opened: dict[tuple[str, str, str], str] = {}
    counts: dict[str, int] = {}
    for id_, plan in plans.items():
        for key_id in dict.fromkeys(plan.api_keys):
            here = join(join("usagePlans", id_), "apiKeys")
            counts[key_id] = counts.get(key_id, 0) + 1
            if counts[key_id] == PLANS_OF_KEY_MAX + 1:
                text = f"the API key {key_id} is in more than {PLANS_OF_KEY_MAX} usage plans"
                problems.append(Problem(here, text))
            for each in plan.api_stages:
                other = opened.setdefault((key_id, each.api_id, each.stage), id_)
                if other != id_:
                    text = (
                        f"the API key {key_id} has {each.api_id}:{each.stage} through the plan "
                        f"{other} already: only one usage plan is allowed for a key and a stage"
                    )
                    problems.append(Problem(here, text))
