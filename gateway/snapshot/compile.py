"""Release → Snapshot. Pure and deterministic: no I/O, no clock.

Everything is a generator that yields between small pieces of work,
so that a worker under traffic can
compile in slices; `finish` runs one to its end. The unit is a deployment:
one that the previous snapshot
holds is never compiled again, and a stage whose parts are unchanged is not bound again.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.cache import CacheKey, compile_key
from gateway.canary import compile_draw
from gateway.definitions.domain import DomainName
from gateway.definitions.identity import resource_id
from gateway.definitions.integration import Integration, IntegrationType, ResponseTransferMode
from gateway.definitions.method_settings import effective_setting
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import Deployment, LoggingLevel, Stage
from gateway.errors import Problem
from gateway.integrations.base import (
    CompiledIntegration,
    IntegrationContext,
    IntegrationPlan,
    MisconfiguredError,
)
from gateway.integrations.http import compile_http
from gateway.integrations.http_proxy import compile_http_proxy
from gateway.integrations.mock import compile_mock
from gateway.mapping.gateway_response import compile_gateway_responses
from gateway.messages import MethodIdentity
from gateway.release import (
    ACCOUNT_BUCKET,
    BASE_ARM,
    CANARY_ARM,
    Release,
    bucket_identity,
    method_block_identity,
    stage_block_identity,
)
from gateway.routing import Domains, Places, RoutesBuilder
from gateway.routing.domains import NO_BASE_PATH
from gateway.routing.paths import path_variables
from gateway.snapshot.api_keys import CompiledKeys, KeyedMethod, KeyTables
from gateway.snapshot.caching import space_of, with_cache
from gateway.snapshot.compiled import (
    CompiledDeployment,
    CompiledMethod,
    CompiledStage,
    DomainRefusal,
    Mapped,
    MethodPlan,
    Snapshot,
    Variant,
)
from gateway.snapshot.enforcement import unenforced, unenforced_of_domain
from gateway.snapshot.tracing import with_trace
from gateway.telemetry.access_log import CompiledAccessLog, compile_access_log
from gateway.telemetry.execution_log import destination as execution_log_of
from gateway.throttle import BucketTable, Meter

T = TypeVar("T")

Slices = Generator[None, None, T]
"""Work that yields between pieces of well under a millisecond, and returns its result."""

_CompileIntegration = Callable[[Integration, Resource, Method, str, list[Problem]], IntegrationPlan]

_Plans = dict[tuple[int, tuple[str, ...]], IntegrationPlan]
"""By a method's identity as an object and its resource's path variables: what a plan depends on.
A part of a release holds equal methods once, so that thousands share a few plans."""

_Bound = tuple[CompiledIntegration | None, str | None]
"""A plan with a stage's variables put in, or why that is not possible."""

_COMPILERS: Final[dict[IntegrationType, _CompileIntegration]] = {
    IntegrationType.HTTP: compile_http,
    IntegrationType.HTTP_PROXY: compile_http_proxy,
    IntegrationType.MOCK: compile_mock,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """What compiled objects refer to beyond the release: it outlives every snapshot."""

    buckets: BucketTable
    context: IntegrationContext
    keys: KeyTables | None = None
    """Shared memory of API keys; None: no key is let in."""


def finish(slices: Slices[T]) -> T:
    """Run a compilation to its end, and return its result."""
    while True:
        try:
            next(slices)
        except StopIteration as stop:
            result: T = stop.value
            return result


def compile_release(
    release: Release, previous: Snapshot | None, binding: Binding
) -> Slices[Snapshot]:
    """Return the snapshot of a release, with all that `previous` can lend it."""
    deployments: dict[str, CompiledDeployment] = {}
    for deployment_id, deployment in release.deployments.items():
        known = previous.deployments.get(deployment_id) if previous else None
        deployments[deployment_id] = known or (yield from compile_deployment(deployment, []))
    account = (
        release.account,
        release.account_rate_limit,
        release.account_burst_limit,
        release.throttle_shadow,
    )
    before = previous.cache_flushes if previous is not None else {}
    flushed = {name.partition("/")[0] for name, _ in release.cache_flushes.items() - before.items()}
    apis: dict[str, Mapping[str, CompiledStage]] = {}
    keys: dict[str, Mapping[str, object]] = {}
    for api_id, stages in release.stages.items():
        lender = previous if previous is not None and previous.account == account else None
        is_flushed = api_id in flushed
        if lender is not None and lender.sources.get(api_id) is stages and not is_flushed:
            # The same object: an API whose part of the release did not change, slots included.
            apis[api_id], keys[api_id] = lender.apis[api_id], lender.stage_keys[api_id]
            continue
        known_stages = lender.apis.get(api_id, {}) if lender is not None else {}
        known_keys = lender.stage_keys.get(api_id, {}) if lender is not None else {}
        compiled: dict[str, CompiledStage] = {}
        keys_of_api: dict[str, object] = {}
        for name, stage in stages.items():
            binder = _StageBinder(release, api_id, stage, deployments, binding)
            key = keys_of_api[name] = yield from binder.key()
            if name in known_stages and known_keys[name] == key:
                compiled[name] = known_stages[name]
            else:
                compiled[name] = yield from binder.bind()
        apis[api_id], keys[api_id] = compiled, keys_of_api
    domains = yield from _compile_domains(release.domains, previous)
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
        sources=release.stages,
        cache_flushes=release.cache_flushes,
        stage_keys=keys,
    )


def _compile_domains(
    domains: tuple[DomainName, ...], previous: Snapshot | None
) -> Slices[Domains[Mapped]]:
    """Return the compiled domain names; those of `previous` if they are the same."""
    if previous is not None and len(previous.domain_names) == len(domains):
        for before, now in zip(previous.domain_names, domains, strict=True):
            if before is not now and before != now:
                break
            yield
        else:
            return previous.domains
    return (yield from Domains.slices((each.domain_name, _mappings(each)) for each in domains))


def _compile_keys(release: Release, previous: Snapshot | None, binding: Binding) -> CompiledKeys:
    keys, plans, is_shadow = release.api_keys, release.usage_plans, release.throttle_shadow
    if previous is not None and previous.api_keys.is_of(keys, plans, is_shadow=is_shadow):
        return previous.api_keys
    return CompiledKeys(keys, plans, binding.keys, is_shadow=is_shadow)


def _mappings(domain: DomainName) -> list[tuple[str, Mapped]]:
    """Return what a domain's base paths lead to; nothing of it is served without what it asks."""
    missing = [name for _, name in unenforced_of_domain(domain)]
    if missing:
        return [(NO_BASE_PATH, DomainRefusal(", ".join(missing)))]
    return [(mapping.base_path, mapping) for mapping in domain.base_path_mappings]


def compile_deployment(
    deployment: Deployment, problems: list[Problem]
) -> Slices[CompiledDeployment]:
    """Return a deployment's compiled form; add what is wrong to `problems`.

    A method that cannot be compiled becomes its own 500 and does not hold back the others. Whoever
    compiles files refuses them for a problem of severity error.
    """
    definition = deployment.definition
    methods: list[MethodPlan] = []
    routes = RoutesBuilder[int]()
    plans: _Plans = {}
    for resource in definition.resources:
        for verb, method in resource.methods.items():
            routes.add(resource.path, verb, len(methods))
            methods.append(_compile_method(definition, resource, verb, method, plans, problems))
            yield
    if not methods:
        problems.append(Problem("resources", "The REST API doesn't contain any methods"))
    return CompiledDeployment(
        id=deployment.id,
        api_name=definition.rest_api.name,
        routes=routes.finish(),
        methods=tuple(methods),
        gateway_responses=compile_gateway_responses(
            definition.gateway_responses, path="gatewayResponses", problems=problems
        ),
        is_execute_api_disabled=definition.rest_api.disable_execute_api_endpoint,
        endpoint_type=_endpoint_type(definition.rest_api),
    )


def _endpoint_type(rest_api: RestApi) -> str:
    endpoint = rest_api.endpoint_configuration
    return endpoint.types[0] if endpoint is not None and endpoint.types else "REGIONAL"


def _compile_method(
    definition: ApiDefinition,
    resource: Resource,
    verb: str,
    method: Method,
    plans: _Plans,
    problems: list[Problem],
) -> MethodPlan:
    path = f"resources.{resource.path}.{verb}"
    own_id = resource.id or resource_id(resource.path)
    integration = method.integration
    plan: IntegrationPlan | None = None
    refusal: str | None = None
    cache_key: CacheKey | None = None
    missing = list(unenforced(definition.rest_api, method))
    if missing:
        refusal = ", ".join(name for _, name in missing) + " is not enforced yet"
        problems += [
            Problem(
                f"{path}.{field}",
                f"{name} is not enforced yet: the method answers 500, it is never served without",
                severity="warning",
            )
            for field, name in missing
        ]
    elif integration is None:
        refusal = "No integration defined for method"
        problems.append(Problem(path, f"{refusal}; give it an integration"))
    else:
        found: list[Problem] = []
        key = id(method), path_variables(resource.path)
        plan = plans.get(key)
        if plan is None:
            compiler = _COMPILERS[integration.type]
            plan = compiler(integration, resource, method, f"{path}.integration", found)
            if not found:
                # Problems would have another path below another resource.
                plans[key] = plan
        if integration.cache_namespace or integration.cache_key_parameters:
            cache_key = compile_key(integration, own_id, f"{path}.integration", found)
        problems += found
        if errors := [problem for problem in found if problem.severity == "error"]:
            plan, refusal = None, f"{errors[0].path} {errors[0].message}"
    return MethodPlan(
        resource_path=resource.path,
        resource_id=own_id,
        http_method=verb,
        integration=plan,
        refusal=refusal,
        is_key_required=method.api_key_required,
        cache_key=cache_key,
        is_streamed=(
            integration is not None
            and integration.response_transfer_mode is ResponseTransferMode.STREAM
        ),
    )


class _StageBinder:
    """Puts one stage's variables, settings and slots into the deployments it points at."""

    def __init__(
        self,
        release: Release,
        api_id: str,
        stage: Stage,
        deployments: dict[str, CompiledDeployment],
        binding: Binding,
    ) -> None:
        self._release = release
        self._api_id = api_id
        self._stage = stage
        self._binding = binding
        self._flushed = release.cache_flushes.get(f"{api_id}/{stage.stage_name}", 0)
        self._bound: dict[tuple[str, int], _Bound] = {}
        """By arm and the plan's identity as an object: methods that share a plan share this too."""
        canary = stage.canary_settings
        self._arms = [(BASE_ARM, deployments[stage.deployment_id], dict(stage.variables))]
        if canary is not None:
            variables = {**stage.variables, **canary.stage_variable_overrides}
            deployment = deployments[canary.deployment_id or stage.deployment_id]
            self._arms.append((CANARY_ARM, deployment, variables))

    def key(self) -> Slices[object]:
        """Return what the compiled stage depends on; equal keys, equal stages."""
        slots: list[int] = []
        for arm, deployment, _ in self._arms:
            slots.append(self._stage_block(arm))
            for method in deployment.methods:
                slots.append(self._method_block(arm, method))
                slots.append(self._bucket(method))
                yield
        deployments = tuple(deployment.id for _, deployment, _ in self._arms)
        return self._stage, deployments, self._flushed, array("I", slots)

    def bind(self) -> Slices[CompiledStage]:
        """Return the compiled stage."""
        variants: list[Variant] = []
        for arm, deployment, variables in self._arms:
            variants.append((yield from self._variant(arm, deployment, variables)))
        canary = self._stage.canary_settings
        return CompiledStage(
            api_id=self._api_id,
            definition=self._stage,
            base=variants[0],
            canary=variants[1] if canary is not None else None,
            canary_percent=canary.percent_traffic if canary is not None else 0.0,
            draw=None if canary is None else compile_draw(canary),
            is_execute_api_disabled=self._arms[0][1].is_execute_api_disabled,
        )

    def _variant(
        self, arm: str, deployment: CompiledDeployment, variables: dict[str, str]
    ) -> Slices[Variant]:
        access_log = self._access_log(arm)
        execution_log = execution_log_of(self._identity(arm, deployment, None, variables))
        methods: list[CompiledMethod] = []
        for plan in deployment.methods:
            methods.append(
                self._method(arm, deployment, plan, variables, access_log, execution_log)
            )
            yield
        return Variant(
            identity=self._identity(arm, deployment, None, variables),
            routes=deployment.routes,
            methods=tuple(methods),
            gateway_responses=deployment.gateway_responses,
            access_log=access_log,
            metrics_block=self._stage_block(arm),
        )

    def _method(
        self,
        arm: str,
        deployment: CompiledDeployment,
        plan: MethodPlan,
        variables: dict[str, str],
        access_log: CompiledAccessLog | None,
        execution_log: str,
    ) -> CompiledMethod:
        identity = self._identity(arm, deployment, plan, variables)
        setting = effective_setting(
            self._stage.method_settings, plan.resource_path, plan.http_method
        )
        key = arm, id(plan.integration)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._integration(plan, identity)
            if plan.integration is not None:
                self._bound[key] = bound
        integration, refusal = bound
        if integration is not None:
            space = space_of(self._api_id, self._stage, arm, deployment.id, self._flushed)
            integration = with_cache(integration, plan, self._stage, space, self._binding.context)
            integration = with_trace(integration, setting, self._stage, self._binding.context)
        return CompiledMethod(
            identity=identity,
            integration=integration,
            refusal=refusal,
            meters=self._meters(plan),
            gateway_responses=deployment.gateway_responses,
            access_log=access_log,
            metrics_block=self._method_block(arm, plan) or self._stage_block(arm),
            logging_level=setting.logging_level if setting else LoggingLevel.OFF,
            execution_log=execution_log,
            keyed=self._keyed(plan),
            is_shadow=self._release.throttle_shadow,
        )

    def _keyed(self, plan: MethodPlan) -> KeyedMethod | None:
        if not plan.is_key_required:
            return None
        path, verb = plan.resource_path, plan.http_method
        return KeyedMethod.of(self._api_id, self._stage.stage_name, path, verb)

    def _integration(self, plan: MethodPlan, identity: MethodIdentity) -> _Bound:
        if plan.integration is None:
            return None, plan.refusal
        try:
            return plan.integration.bind(identity, self._binding.context), None
        except MisconfiguredError as error:
            return None, str(error)

    def _identity(
        self,
        arm: str,
        deployment: CompiledDeployment,
        plan: MethodPlan | None,
        variables: dict[str, str],
    ) -> MethodIdentity:
        return MethodIdentity(
            account_id=self._release.account,
            region=self._release.region,
            api_id=self._api_id,
            api_name=deployment.api_name,
            stage=self._stage.stage_name,
            deployment_id=deployment.id,
            resource_id=plan.resource_id if plan else "",
            resource_path=plan.resource_path if plan else "",
            http_method=plan.http_method if plan else "",
            stage_variables=variables,
            is_canary=None if self._stage.canary_settings is None else arm == CANARY_ARM,
            endpoint_type=deployment.endpoint_type,
            response_transfer_mode=plan.response_transfer_mode if plan else "",
        )

    def _meters(self, plan: MethodPlan) -> tuple[Meter, ...]:
        meters: list[Meter] = []
        table, release = self._binding.buckets, self._release
        setting = effective_setting(
            self._stage.method_settings, plan.resource_path, plan.http_method
        )
        if setting is not None:
            meters.append(
                Meter(
                    table,
                    self._bucket(plan),
                    setting.throttling_rate_limit,
                    setting.throttling_burst_limit,
                )
            )
        if release.account_rate_limit is not None and release.account_burst_limit is not None:
            slot = release.bucket_slots[ACCOUNT_BUCKET]
            meters.append(
                Meter(table, slot, release.account_rate_limit, release.account_burst_limit)
            )
        return tuple(meters)

    def _access_log(self, arm: str) -> CompiledAccessLog | None:
        settings = self._stage.access_log_settings
        if settings is None:
            return None
        return compile_access_log(settings, "accessLogSettings", [], is_canary=arm == CANARY_ARM)

    def _stage_block(self, arm: str) -> int:
        identity = stage_block_identity(self._api_id, self._stage.stage_name, arm)
        return self._release.metric_slots.get(identity, 0)

    def _method_block(self, arm: str, plan: MethodPlan) -> int:
        identity = method_block_identity(
            self._api_id, self._stage.stage_name, arm, plan.resource_path, plan.http_method
        )
        return self._release.metric_slots.get(identity, 0)

    def _bucket(self, plan: MethodPlan) -> int:
        identity = bucket_identity(
            self._api_id, self._stage.stage_name, plan.resource_path, plan.http_method
        )
        return self._release.bucket_slots.get(identity, 0)
