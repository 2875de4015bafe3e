"""Releases cut into parts. Pure: no I/O.

What an earlier release had equal is not encoded again, where that release's parts are at hand. What
is encoded anew gives, if it is equal, equal digests, and is not sent again. What becomes of the
records is in `records` and `decode`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from gateway.definitions import codec
from gateway.definitions.domain import DomainName
from gateway.definitions.method_texts import MethodTexts, Texts, encode_resource
from gateway.definitions.rest_api import Resource
from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import Deployment, Stage
from gateway.release.parts import (
    CERTIFICATES,
    CONNECTIONS,
    SOLE,
    Part,
    digest_of_parts,
    digests_of,
    part_of,
)
from gateway.release.records import STORED, UNREAD, Record
from gateway.release.release import Release, identity_api
from gateway.release.usage import key_records, plan_records

_SLOTS_PER_RECORD: Final = 200


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
        yield part_of(f"api/{api_id}", records)


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
        parts[key] = kept or part_of(key, plan_records(plan, is_of_file=is_of_file))
    shards = before.api_keys if before else {}
    for shard, keys in release.api_keys.items():
        key = f"keys/{shard}"
        kept = earlier.get(key) if shards.get(shard) == keys else None
        parts[key] = kept or part_of(key, key_records(keys))
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
    if any(getattr(release, name) != getattr(before, name) for name in SOLE[CONNECTIONS]):
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
    return part_of(f"api/{api_id}", records)


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
    return part_of(f"deployment/{deployment_id}", _deployment_records(head, resources))


def encode_domains(domains: Iterable[DomainName], stored: Container[str] = ()) -> Part:
    """Return the part of all custom domain names; `stored` are the names of those of the store."""
    return part_of("domains", _domain_records(domains, stored))


def encode_certificates(certificates: Mapping[str, ServedCertificate]) -> list[Part]:
    """Return the part of all certificates: digests and dates; none where there are none."""
    records = [["certificate", codec.encode(each)] for each in certificates.values()]
    return [part_of(CERTIFICATES, records)] if records else []


def encode_connections(release: Release) -> list[Part]:
    """Return the part of what connections to backends need; none when they need nothing."""
    certificates, links = release.client_certificates, release.vpc_links
    marks: dict[str, list[str]] = {id_: [STORED] for id_ in release.stored_connections}
    records: list[Record] = [
        ["client_certificate", *marks.get(id_, ()), codec.encode(certificates[id_])]
        for id_ in sorted(certificates)
    ]
    records += [["link", id_, *marks.get(id_, ()), links[id_]] for id_ in sorted(links)]
    return [part_of(CONNECTIONS, records)] if records else []


def encode_flushes(cache_flushes: Mapping[str, int]) -> Part:
    """Return the part that says which stages' caches were emptied."""
    return part_of("flushes", _slot_records("flushes", cache_flushes.items()))


def with_digest(release: Release, parts: Mapping[str, Part]) -> Release:
    """Return the release with the digest of its parts."""
    return replace(release, digest=digest_of_parts(digests_of(parts)))


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
    return part_of("settings", [["settings", settings]])


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
