"""A release cut into parts: how it travels to workers and rests on disk. Pure: no I/O.

A part is one deployment, one API's stages with their slots, one usage plan, one shard of the API
keys, all domains, what connections to backends need, or the settings, named by a key and a digest
of its content; equal digests need not be sent, stored or decoded again. Its content is a sequence
of *frames* (JSON arrays of records, some 4 KiB each), so that whoever decodes it between requests
can stop after every record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import orjson

from gateway.definitions import codec
from gateway.definitions.domain import DomainName
from gateway.definitions.method_texts import MethodTexts, Texts, encode_resource
from gateway.definitions.rest_api import Resource
from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import Deployment, Stage
from gateway.definitions.usage_plan import UsagePlan
from gateway.errors import ConfigurationError, Problem
from gateway.release.records import STORED, UNREAD, DecodedPart, Decoder, Record
from gateway.release.release import (
    ACCOUNT_BUCKET,
    NO_METHOD_BLOCK,
    Release,
    arms,
    identity_api,
)
from gateway.release.slots import JoinedSlots
from gateway.release.usage import UsageKey, key_records, plan_records

T = TypeVar("T")

FRAME_BYTES: Final = 4_096
"""A frame is closed once it is as large; parsing one takes a worker some 0.03 ms."""

FRAME_BYTES_MAX: Final = 16_777_216
"""Longest frame that workers take; a record is never split, so none may be longer."""

CERTIFICATES: Final = "certificates"
"""Key of the part with what domains are served with over TLS; absent while there is nothing."""

CONNECTIONS: Final = "connections"
"""Key of the part with client certificates and VPC links; absent while there are none."""

_SOLE: Final = {
    "settings": ("settings",),
    "domains": ("domains", "stored_domains"),
    CERTIFICATES: ("certificates",),
    CONNECTIONS: ("client_certificates", "vpc_links", "stored_connections"),
    "flushes": ("cache_flushes",),
}
"""Parts of which there is one, with the fields that they fill."""

_SLOTS_PER_RECORD: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a release in its travelling form."""

    key: str
    """`settings`, `domains`, `certificates`, `connections`, `flushes`, `api/{id}`,
    `deployment/{id}`, `plan/{id}` or `keys/{shard}`."""
    digest: str
    frames: tuple[bytes, ...]
    """JSON arrays of records, without line breaks."""

    @property
    def is_secret(self) -> bool:
        """Whether it holds private keys, which nobody but the gateway's user may read."""
        return self.key == CONNECTIONS

    @property
    def longest_frame(self) -> int:
        """The bytes of the longest frame: above `FRAME_BYTES_MAX` it cannot travel."""
        return max(map(len, self.frames))

    @property
    def is_intact(self) -> bool:
        """Whether the content is what the digest says."""
        return digest_of_frames(self.frames) == self.digest


def digest_of_frames(frames: Iterable[bytes]) -> str:
    """Return the digest of a part's content."""
    content = hashlib.sha256()
    for frame in frames:
        content.update(frame)
        content.update(b"\n")
    return content.hexdigest()[:32]


def digest_of_parts(digests: Mapping[str, str]) -> str:
    """Return the digest of a release from its parts' keys and digests."""
    lines = "\n".join(f"{key} {digests[key]}" for key in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def encode_release(
    release: Release,
    known: Mapping[str, Part] | None = None,
    apis: Mapping[str, Part] | None = None,
) -> dict[str, Part]:
    """Cut a release into parts, by key; `revision` and `digest` are no part of it.

    A deployment found in `known` (the parts of an earlier release) is not encoded again: its id
    stands for its content. `apis` are the parts of all APIs, where they are made already.
    """
    parts = [
        _settings_part(release),
        encode_domains(release.domains, release.stored_domains),
        *encode_certificates(release.certificates),
        *encode_connections(release),
    ]
    if release.cache_flushes:
        parts.append(encode_flushes(release.cache_flushes))
    parts += _encode_apis(release) if apis is None else apis.values()
    earlier = known or {}
    for deployment in release.deployments.values():
        key = f"deployment/{deployment.id}"
        parts.append(earlier.get(key) or encode_deployment(deployment))
    # Encoded anew: equal content gives equal digests, and is not sent again.
    parts += encode_usage(release).values()
    return {part.key: part for part in parts}


def _encode_apis(release: Release) -> Iterator[Part]:
    buckets = _by_api(release.bucket_slots)
    blocks = _by_api(release.metric_slots)
    for api_id, stages in release.stages.items():
        slots = buckets.get(api_id, ()), blocks.get(api_id, ())
        records = _api_records(stages, release.files.get(api_id), *slots)
        yield _make(f"api/{api_id}", records)


def encode_usage(
    release: Release, before: Release | None = None, known: Mapping[str, Part] | None = None
) -> dict[str, Part]:
    """Return the parts of usage plans and API keys.

    What is equal in `before` is not encoded again, if it is among `known`, that release's parts.
    """
    parts: dict[str, Part] = {}
    earlier = known or {}
    plans = before.usage_plans if before else {}
    for id_, plan in release.usage_plans.items():
        key = f"plan/{id_}"
        is_of_file = id_ in release.file_plans
        is_same = plans.get(id_) == plan and is_of_file == (before and id_ in before.file_plans)
        kept = earlier.get(key) if is_same else None
        parts[key] = kept or _make(key, plan_records(plan, is_of_file=is_of_file))
    shards = before.api_keys if before else {}
    for shard, keys in release.api_keys.items():
        key = f"keys/{shard}"
        kept = earlier.get(key) if shards.get(shard) == keys else None
        parts[key] = kept or _make(key, key_records(keys))
    return parts


def with_account_wide(
    parts: Mapping[str, Part], release: Release, before: Release
) -> dict[str, Part]:
    """Return `parts`, those of `before`, with all of `release` that belongs to no one API."""
    made = dict(parts)
    domains = release.domains, release.stored_domains
    if domains != (before.domains, before.stored_domains):
        made["domains"] = encode_domains(*domains)
    if release.certificates != before.certificates:
        made.pop(CERTIFICATES, None)
        made |= ((part.key, part) for part in encode_certificates(release.certificates))
    if any(getattr(release, name) != getattr(before, name) for name in _SOLE[CONNECTIONS]):
        made.pop(CONNECTIONS, None)
        made |= ((part.key, part) for part in encode_connections(release))
    return _with_usage(made, release, before)


def _with_usage(parts: dict[str, Part], release: Release, before: Release) -> dict[str, Part]:
    if (release.usage_plans, release.file_plans, release.api_keys) == (
        before.usage_plans,
        before.file_plans,
        before.api_keys,
    ):
        return parts
    others = {key: part for key, part in parts.items() if not key.startswith(("plan/", "keys/"))}
    return others | encode_usage(release, before, parts)


def encode_api(
    release: Release,
    api_id: str,
    bucket_slots: Mapping[str, int],
    metric_slots: Mapping[str, int],
) -> Part:
    """Return the part of one API of a release, whose slots are given."""
    records = _api_records(
        release.stages[api_id],
        release.files.get(api_id),
        bucket_slots.items(),
        metric_slots.items(),
    )
    return _make(f"api/{api_id}", records)


def encode_deployment(deployment: Deployment) -> Part:
    """Return the part of one deployment, which is no outline."""
    definition = replace(deployment.definition, resources=())
    head = codec.encode(replace(deployment, definition=definition))
    return deployment_part(deployment.id, head, _encoded(deployment.definition.resources))


def deployment_part(
    deployment_id: str,
    head: Mapping[str, Any],
    resources: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> Part:
    """Return a deployment's part from its encoded pieces.

    `head` is the deployment without resources; each resource comes without methods, which stand
    beside it by HTTP method.
    """
    return _make(f"deployment/{deployment_id}", _deployment_records(head, resources))


def encode_domains(domains: Iterable[DomainName], stored: Container[str] = ()) -> Part:
    """Return the part of all custom domain names; `stored` are the names of those of the store."""
    return _make("domains", _domain_records(domains, stored))


def encode_certificates(certificates: Mapping[str, ServedCertificate]) -> list[Part]:
    """Return the part of all certificates: digests and dates; none where there are none."""
    records = [["certificate", codec.encode(each)] for each in certificates.values()]
    return [_make(CERTIFICATES, records)] if records else []


def encode_connections(release: Release) -> list[Part]:
    """Return the part of what connections to backends need; none when they need nothing."""
    certificates, links = release.client_certificates, release.vpc_links
    marks: dict[str, list[str]] = {id_: [STORED] for id_ in release.stored_connections}
    records: list[Record] = [
        ["client_certificate", *marks.get(id_, ()), codec.encode(certificates[id_])]
        for id_ in sorted(certificates)
    ]
    records += [["link", id_, *marks.get(id_, ()), links[id_]] for id_ in sorted(links)]
    return [_make(CONNECTIONS, records)] if records else []


def encode_flushes(cache_flushes: Mapping[str, int]) -> Part:
    """Return the part that says which stages' caches were emptied."""
    return _make("flushes", _slot_records("flushes", cache_flushes.items()))


def digests_of(parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the digest of each part by key."""
    return {key: part.digest for key, part in parts.items()}


def diff(have: Mapping[str, str], parts: Mapping[str, Part]) -> list[Part]:
    """Return the parts that whoever has the digests `have` lacks."""
    return [part for key, part in parts.items() if have.get(key) != part.digest]


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
        elif kind in _SOLE:
            whole = replace(whole, **{name: getattr(part, name) for name in _SOLE[kind]})
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


def with_digest(release: Release, parts: Mapping[str, Part]) -> Release:
    """Return the release with the digest of its parts."""
    return replace(release, digest=digest_of_parts(digests_of(parts)))


def _run(steps: Generator[None, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("T", end.value)


def _by_api(slots: Mapping[str, int]) -> dict[str, list[tuple[str, int]]]:
    by_api: dict[str, list[tuple[str, int]]] = {}
    for identity, index in slots.items():
        if index == 0:
            continue
        by_api.setdefault(identity_api(identity), []).append((identity, index))
    return by_api


def _settings_part(release: Release) -> Part:
    settings = {
        "region": release.region,
        "account": release.account,
        "accountRateLimit": release.account_rate_limit,
        "accountBurstLimit": release.account_burst_limit,
        "throttleShadow": release.throttle_shadow,
    }
    return _make("settings", [["settings", settings]])


def _domain_records(domains: Iterable[DomainName], stored: Container[str]) -> Iterator[Record]:
    for domain in domains:
        mark = [STORED] if domain.domain_name in stored else []
        yield ["domain", *mark, codec.encode(domain)]


def _api_records(
    stages: Mapping[str, Stage],
    file: str | None,
    buckets: Iterable[tuple[str, int]],
    blocks: Iterable[tuple[str, int]],
) -> Iterator[Record]:
    if file is not None:
        yield ["file", file]
    for name, stage in stages.items():
        yield ["stage", name, codec.encode(stage, omit="method_settings")]
        for method_key, setting in stage.method_settings.items():
            yield ["setting", name, method_key, codec.encode(setting)]
    yield from _slot_records("buckets", buckets)
    yield from _slot_records("blocks", blocks)


def _slot_records(kind: str, slots: Iterable[tuple[str, int]]) -> Iterator[Record]:
    listed = list(slots)
    for start in range(0, len(listed), _SLOTS_PER_RECORD):
        yield [kind, dict(listed[start : start + _SLOTS_PER_RECORD])]


def _encoded(resources: Iterable[Resource]) -> Iterator[tuple[dict[str, Any], Texts]]:
    texts = MethodTexts()
    for resource in resources:
        if any(method is UNREAD for method in resource.methods.values()):
            raise AssertionError(f"{resource.path} is an outline: its part must be known")
        yield encode_resource(resource), texts.of(resource)


def _deployment_records(
    head: Mapping[str, Any], resources: Iterable[tuple[Any, Mapping[str, Any]]]
) -> Iterator[Record]:
    """Yield equal methods once; resources name theirs by number, in the order they came in."""
    yield ["deployment", head]
    numbers: dict[bytes, int] = {}
    for resource, methods in resources:
        numbered: dict[str, int] = {}
        for http_method, method in methods.items():
            text = orjson.dumps(method)
            if text not in numbers:
                numbers[text] = len(numbers)
                yield ["method", orjson.Fragment(text)]
            numbered[http_method] = numbers[text]
        yield ["resource", numbered, resource]


def _make(key: str, records: Iterable[Record]) -> Part:
    frames: list[bytes] = []
    held: list[bytes] = []
    size = 0
    for record in records:
        text = orjson.dumps(record)
        held.append(text)
        size += len(text)
        if size >= FRAME_BYTES:
            frames.append(b"[" + b",".join(held) + b"]")
            held, size = [], 0
    if held or not frames:
        frames.append(b"[" + b",".join(held) + b"]")
    return Part(key, digest_of_frames(frames), tuple(frames))


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
