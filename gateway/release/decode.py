"""Releases put together from their parts. Pure: no I/O.

No stage is served whose deployment is not there: such a release is refused, or, where it is all
that is left, what can be read of it is salvaged. Decoding yields often, since workers do it between
requests.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TypeVar, cast

import orjson

from gateway.definitions.stage import Deployment, Stage
from gateway.definitions.usage_plan import UsagePlan
from gateway.errors import ConfigurationError, Problem
from gateway.release.parts import SOLE, Part, digest_of_parts, digests_of
from gateway.release.records import DecodedPart, Decoder
from gateway.release.release import ACCOUNT_BUCKET, NO_METHOD_BLOCK, Release, arms
from gateway.release.slots import JoinedSlots
from gateway.release.usage import UsageKey

T = TypeVar("T")


def decode_part(part: Part) -> Generator[None, None, DecodedPart]:
    """Decode a part, yielding after every record so that the caller may pause.

    Raises:
        ConfigurationError: a record does not fit this version of Stagegate.
    """
    problems: list[Problem] = []
    decoder = Decoder(problems)
    for frame in part.frames:
        try:
            records = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            raise ConfigurationError((Problem(part.key, f"is not JSON: {error}"),)) from error
        for record in records:
            decoder.take(record, part.key)
            yield
    if problems:
        raise ConfigurationError(tuple(problems))
    return decoder.part()


def join_release(
    revision: int, digest: str, decoded: Mapping[str, DecodedPart]
) -> Generator[None, None, Release]:
    """Put a release together from its decoded parts, yielding after each.

    Raises:
        ConfigurationError: a stage points at a deployment that is not among the parts.
    """
    stages: dict[str, Mapping[str, Stage]] = {}
    deployments: dict[str, Deployment] = {}
    files: dict[str, str] = {}
    buckets = JoinedSlots(ACCOUNT_BUCKET)
    blocks = JoinedSlots(NO_METHOD_BLOCK)
    plans: dict[str, UsagePlan] = {}
    file_plans: set[str] = set()
    keys: dict[str, Mapping[str, UsageKey]] = {}
    whole = DecodedPart()
    for key, part in decoded.items():
        kind, _, name = key.partition("/")
        if kind == "api":
            stages[name] = part.stages
            buckets.add(name, part.bucket_slots)
            blocks.add(name, part.metric_slots)
            if part.file is not None:
                files[name] = part.file
        elif part.deployment is not None:
            deployments[part.deployment.id] = part.deployment
        elif kind in SOLE:
            whole = replace(whole, **{name: getattr(part, name) for name in SOLE[kind]})
        elif part.plan is not None:
            plans[part.plan.id] = part.plan
            file_plans.update([part.plan.id] if part.is_of_file else [])
        elif kind == "keys":
            keys[name] = part.keys
        yield
    _check_references(stages, deployments)
    return Release(
        revision=revision,
        digest=digest,
        region=str(whole.settings.get("region", "")),
        account=str(whole.settings.get("account", "")),
        stages=stages,
        deployments=deployments,
        domains=whole.domains,
        stored_domains=whole.stored_domains,
        certificates=whole.certificates,
        client_certificates=whole.client_certificates,
        vpc_links=whole.vpc_links,
        stored_connections=whole.stored_connections,
        usage_plans=plans,
        file_plans=frozenset(file_plans),
        api_keys=keys,
        files=files,
        bucket_slots=buckets,
        metric_slots=blocks,
        cache_flushes=whole.cache_flushes,
        account_rate_limit=whole.settings.get("accountRateLimit"),
        account_burst_limit=whole.settings.get("accountBurstLimit"),
        throttle_shadow=whole.settings.get("throttleShadow", False),
    )


def decode_whole_part(part: Part) -> DecodedPart:
    """Decode a part without pausing.

    Raises:
        ConfigurationError: as `decode_part`.
    """
    return _run(decode_part(part))


def salvage_release(
    revision: int,
    parts: Mapping[str, Part],
    decode: Callable[[Part], DecodedPart] = decode_whole_part,
) -> tuple[Release, list[Problem]]:
    """Decode what can be decoded; an API with anything missing or unreadable is left out.

    Returns the release, with the digest of the parts as given, and what was wrong.
    """
    problems: list[Problem] = []
    decoded: dict[str, DecodedPart] = {}
    for key, part in parts.items():
        try:
            decoded[key] = decode(part)
        except ConfigurationError as error:
            problems += error.problems
    for key in [key for key in decoded if key.startswith("api/")]:
        served = {id_ for stage in decoded[key].stages.values() for _, id_ in arms(stage)}
        lost = sorted(id_ for id_ in served if f"deployment/{id_}" not in decoded)
        if lost:
            del decoded[key]
            problems.append(Problem(key, f"deployments are missing: {', '.join(lost)}"))
    digest = digest_of_parts(digests_of(parts))
    return _run(join_release(revision, digest, decoded)), problems


def _run(steps: Generator[None, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)


def _check_references(
    stages: Mapping[str, Mapping[str, Stage]], deployments: Mapping[str, Deployment]
) -> None:
    missing = [
        Problem(f"api/{api_id}", f"stage {name}: deployment {deployment_id} is missing")
        for api_id, named in stages.items()
        for name, stage in named.items()
        for _arm, deployment_id in arms(stage)
        if deployment_id not in deployments
    ]
    if missing:
        raise ConfigurationError(tuple(missing))
