"""What one release changes about another, in words: for `plan` and for the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from gateway.definitions import codec
from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Deployment, Stage
from gateway.definitions.usage_plan import UsagePlan
from gateway.release import Release, arms
from gateway.release.usage import UsageKey, all_keys


class Change(StrEnum):
    """What happens to a thing."""

    MADE = "made"
    REUSED = "reused"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a release changes."""

    change: Change
    kind: str
    """`settings`, `api`, `deployment`, `stage`, `domain`, `certificate`, `truststore`,
    `client certificate`, `VPC link`, `usage plan` or `API key`."""
    name: str
    """API id, deployment id, `{api}/{stage}`, domain name, plan id, key id or id."""
    detail: str = ""
    """What exactly, such as `variables.backend: "a" → "b"`."""

    def __str__(self) -> str:
        text = f"{self.kind} {self.name} {self.change}" if self.name else f"{self.kind} changed"
        return f"{text}: {self.detail}" if self.detail else text


def differences(old: Release | None, new: Release) -> list[Difference]:
    """Return what `new` changes about `old`; None: everything in it is new."""
    before = old or Release(revision=0, digest="", region=new.region, account=new.account)
    return [
        *_settings(before, new),
        *_apis(before, new),
        *_domains(before.domains, new.domains),
        *_certificates(before, new),
        *_client_certificates(before, new),
        *_links(before, new),
        *_usage_plans(before, new),
        *_api_keys(before, new),
    ]


def _certificates(old: Release, new: Release) -> Iterator[Difference]:
    """Yield what is served anew; that it is gone shows in the domain."""
    for name, after in new.certificates.items():
        before = old.certificates.get(name)
        shown = name or "by default"
        if after.certificate and (before is None or before.certificate != after.certificate):
            date = datetime.fromtimestamp(after.not_after, UTC)
            yield Difference(Change.CHANGED, "certificate", shown, f"expires on {date:%Y-%m-%d}")
        if after.truststore and (before is None or before.truststore != after.truststore):
            yield Difference(Change.CHANGED, "truststore", shown)


def _settings(old: Release, new: Release) -> Iterator[Difference]:
    for name in (
        "region",
        "account",
        "account_rate_limit",
        "account_burst_limit",
        "throttle_shadow",
    ):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Difference(
                Change.CHANGED, "settings", codec.camel_case(name), _moved(before, after)
            )


def _apis(old: Release, new: Release) -> Iterator[Difference]:
    for api_id in sorted({*old.stages, *new.stages}):
        before, after = old.stages.get(api_id), new.stages.get(api_id)
        if after is None:
            yield Difference(Change.REMOVED, "api", api_id)
            continue
        if before is None:
            yield Difference(Change.MADE, "api", api_id)
        yield from _deployments(api_id, old, new)
        for name in sorted({*(before or {}), *after}):
            yield from _stage(f"{api_id}/{name}", (before or {}).get(name), after.get(name))


def _deployments(api_id: str, old: Release, new: Release) -> Iterator[Difference]:
    served_before = {id_ for stage in old.stages.get(api_id, {}).values() for _, id_ in arms(stage)}
    served = {id_ for stage in new.stages[api_id].values() for _, id_ in arms(stage)}
    for deployment_id in sorted(served - served_before):
        change = Change.REUSED if deployment_id in old.deployments else Change.MADE
        deployment = new.deployments.get(deployment_id)
        detail = f"of {api_id}{_size(deployment)}"
        yield Difference(change, "deployment", deployment_id, detail)
    for deployment_id in sorted(served_before - served):
        yield Difference(Change.REMOVED, "deployment", deployment_id, f"of {api_id}")


def _stage(name: str, before: Stage | None, after: Stage | None) -> Iterator[Difference]:
    if after is None:
        yield Difference(Change.REMOVED, "stage", name)
    elif before is None:
        yield Difference(Change.MADE, "stage", name, f"serves deployment {after.deployment_id}")
    else:
        if before.deployment_id != after.deployment_id:
            moved = f"from deployment {before.deployment_id} to {after.deployment_id}"
            yield Difference(Change.MOVED, "stage", name, moved)
        same_deployment = replace(before, deployment_id=after.deployment_id)
        for detail in _changes(codec.encode(same_deployment), codec.encode(after)):
            yield Difference(Change.CHANGED, "stage", name, detail)


def _domains(before: tuple[DomainName, ...], after: tuple[DomainName, ...]) -> Iterator[Difference]:
    old = {domain.domain_name: domain for domain in before}
    new = {domain.domain_name: domain for domain in after}
    for name in sorted({*old, *new}):
        if name not in new:
            yield Difference(Change.REMOVED, "domain", name)
        elif name not in old:
            yield Difference(Change.MADE, "domain", name, _mappings(new[name]))
        elif old[name] != new[name]:
            detail = f"{_mappings(old[name])} → {_mappings(new[name])}"
            yield Difference(Change.CHANGED, "domain", name, detail)


def _client_certificates(old: Release, new: Release) -> Iterator[Difference]:
    """Tell of certificates by their last day: nothing of a key is shown, not even its hash."""
    before, after = old.client_certificates, new.client_certificates
    for id_ in sorted({*before, *after}):
        if id_ not in after:
            yield Difference(Change.REMOVED, "client certificate", id_)
        elif before.get(id_) != after[id_]:
            ends = datetime.fromtimestamp(after[id_].expiration_epoch, UTC).date()
            change = Change.CHANGED if id_ in before else Change.MADE
            yield Difference(change, "client certificate", id_, f"valid until {ends}")


def _links(old: Release, new: Release) -> Iterator[Difference]:
    before, after = old.vpc_links, new.vpc_links
    for id_ in sorted({*before, *after}):
        if id_ not in after:
            yield Difference(Change.REMOVED, "VPC link", id_)
        elif before.get(id_) != after[id_]:
            change = Change.CHANGED if id_ in before else Change.MADE
            yield Difference(change, "VPC link", id_, f"to {', '.join(after[id_])}")


def _usage_plans(before: Release, new: Release) -> Iterator[Difference]:
    old = before.usage_plans
    for id_ in sorted({*old, *new.usage_plans}):
        if id_ not in new.usage_plans:
            yield Difference(Change.REMOVED, "usage plan", id_)
        elif id_ not in old:
            yield Difference(Change.MADE, "usage plan", id_, _opens(new.usage_plans[id_]))
        else:
            for detail in _changes(_told(old[id_]), _told(new.usage_plans[id_])):
                yield Difference(Change.CHANGED, "usage plan", id_, detail)


def _told(plan: UsagePlan) -> dict[str, Any]:
    """Return a plan as maps alone, so that what changed can be named."""
    told: dict[str, Any] = codec.encode(plan)
    stages = {f"{each['apiId']}:{each['stage']}": each for each in told.pop("apiStages", ())}
    return {**told, "apiStages": stages}


def _opens(plan: UsagePlan) -> str:
    return ", ".join(f"opens {each.api_id}/{each.stage}" for each in plan.api_stages)


def _api_keys(before: Release, new: Release) -> Iterator[Difference]:
    """Yield what happens to keys; neither their values nor what stands for them is told."""
    old = {key.id: key for key in all_keys(before.api_keys)}
    keys = {key.id: key for key in all_keys(new.api_keys)}
    for id_ in sorted({*old, *keys}):
        if id_ not in keys:
            yield Difference(Change.REMOVED, "API key", id_)
        elif id_ not in old:
            yield Difference(Change.MADE, "API key", id_, _plans_of(keys[id_]))
        elif (was := _plans_of(old[id_])) != (is_ := _plans_of(keys[id_])):
            yield Difference(Change.CHANGED, "API key", id_, f"{was} → {is_}")
        elif old[id_].digest != keys[id_].digest:
            yield Difference(Change.CHANGED, "API key", id_, "another value")


def _plans_of(key: UsageKey) -> str:
    return f"in {', '.join(key.plans)}" + ("" if key.is_enabled else ", disabled")


def _mappings(domain: DomainName) -> str:
    return ", ".join(
        f"{mapping.base_path} to {mapping.rest_api_id}/{mapping.stage}"
        for mapping in domain.base_path_mappings
    )


def _size(deployment: Deployment | None) -> str:
    if deployment is None:
        return ""
    count = sum(len(resource.methods) for resource in deployment.definition.resources)
    return f", {count} method{'' if count == 1 else 's'}"


def _changes(before: Any, after: Any) -> Iterator[str]:
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            yield f"{path}: {_moved(old.get(path), new.get(path))}"


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _flat(each, codec.join(path, key))
    else:
        yield path, value


def _moved(before: object, after: object) -> str:
    return f"{_shown(before)} → {_shown(after)}"


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    return codec.shown(value) if isinstance(value, str) else str(value)
