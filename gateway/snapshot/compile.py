"""Release → Snapshot. Pure and deterministic: no I/O, no clock.

Everything is a generator that yields between small pieces of work, so that a worker under traffic
can go about it in slices; `finish` runs one to its end. A deployment that the previous snapshot
holds is taken over, with all of its methods that were called, and so is a stage that depends on
nothing that has changed. Methods themselves come later: see `on_demand`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.definitions.stage import Stage
from gateway.mapping.gateway_response import compile_gateway_responses
from gateway.release import Release
from gateway.routing import Places
from gateway.snapshot.api_keys import CompiledKeys
from gateway.snapshot.caching import spaces_of
from gateway.snapshot.compiled import Account, CompiledDeployment, CompiledStage, Snapshot
from gateway.snapshot.deployments import compile_deployment
from gateway.snapshot.domains import compile_domains
from gateway.snapshot.slices import Slices
from gateway.snapshot.stage_binder import Binding, StageBinder, account_meters_of
from gateway.snapshot.stage_key import StageKey


def compile_release(
    release: Release, previous: Snapshot | None, binding: Binding
) -> Slices[Snapshot]:
    """Return the snapshot of a release, with all that `previous` can lend it."""
    deployments: dict[str, CompiledDeployment] = {}
    for deployment_id, deployment in release.deployments.items():
        known = previous.deployments.get(deployment_id) if previous else None
        deployments[deployment_id] = known or (yield from compile_deployment(deployment, []))
    account = Account.of(release)
    if previous is not None and previous.account == account:
        account_meters = previous.account_meters
    else:
        account_meters = account_meters_of(release, binding.buckets)
    before = previous.cache_flushes if previous is not None else {}
    flushed: dict[str, set[str]] = {}
    for identity, _ in release.cache_flushes.items() - before.items():
        api_id, _, name = identity.partition("/")
        flushed.setdefault(api_id, set()).add(name)
    known_spaces = previous.cache_spaces if previous is not None else {}
    spaces: dict[str, Mapping[str, int]] = {}
    apis: dict[str, dict[str, CompiledStage]] = {}
    keys: dict[str, Mapping[str, StageKey]] = {}
    for api_id, stages in release.stages.items():
        lender = previous if _may_lend(previous, account, release) else None
        if (
            lender is not None
            and lender.sources.get(api_id) is stages
            and api_id not in flushed
            and _shows_the_same(stages, lender, release)
        ):
            # The same object: an API whose part of the release did not change, slots included.
            apis[api_id], keys[api_id] = lender.apis[api_id], lender.stage_keys[api_id]
            spaces[api_id] = known_spaces[api_id]
            continue
        spaces[api_id] = spaces_of(
            stages,
            known_spaces.get(api_id, {}),
            flushed.get(api_id, ()),
            binding.context.cache.new_space,
        )
        known_stages = lender.apis.get(api_id, {}) if lender is not None else {}
        known_keys = lender.stage_keys.get(api_id, {}) if lender is not None else {}
        compiled: dict[str, CompiledStage] = {}
        keys_of_api: dict[str, StageKey] = {}
        for name, stage in stages.items():
            binder = StageBinder(
                release, api_id, stage, deployments, binding, spaces[api_id], account_meters
            )
            known_key = known_keys.get(name)
            if known_key is not None and (yield from binder.key.is_like(known_key)):
                known_key.slots.move_to(binder.key.slots)
                compiled[name], keys_of_api[name] = known_stages[name], known_key
            else:
                compiled[name], keys_of_api[name] = binder.bind(), binder.key
            yield
        apis[api_id], keys[api_id] = compiled, keys_of_api
    domains = yield from compile_domains(release.domains, previous)
    return Snapshot(
        revision=release.revision,
        digest=release.digest,
        apis=apis,
        domains=domains,
        places=Places(domains),
        domain_names=release.domains,
        deployments=deployments,
        api_keys=_compile_keys(release, previous, binding),
        gateway_responses=(
            previous.gateway_responses
            if previous
            else compile_gateway_responses({}, path="", problems=[])
        ),
        account=account,
        account_meters=account_meters,
        client_certificates=release.client_certificates,
        vpc_links=release.vpc_links,
        sources=release.stages,
        cache_flushes=release.cache_flushes,
        cache_spaces=spaces,
        stage_keys=keys,
    )


def _may_lend(previous: Snapshot | None, account: Account, release: Release) -> bool:
    """Whether stages of the previous snapshot may be taken over, as far as they are the same."""
    return (
        previous is not None
        and previous.account == account
        and previous.vpc_links == release.vpc_links
    )


def _shows_the_same(stages: Mapping[str, Stage], previous: Snapshot, release: Release) -> bool:
    """Whether every stage shows its backends the certificate that it showed before."""
    ids = {stage.client_certificate_id for stage in stages.values()} - {None}
    before, now = previous.client_certificates, release.client_certificates
    return all(before.get(id_ or "") == now.get(id_ or "") for id_ in ids)


def _compile_keys(release: Release, previous: Snapshot | None, binding: Binding) -> CompiledKeys:
    keys, plans, is_shadow = release.api_keys, release.usage_plans, release.throttle_shadow
    if previous is not None and previous.api_keys.is_of(keys, plans, is_shadow=is_shadow):
        return previous.api_keys
    return CompiledKeys(keys, plans, binding.keys, is_shadow=is_shadow)
