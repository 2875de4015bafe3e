"""Compiled deployments → compiled stages: variables, settings and slots put in. Pure: no I/O."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.canary import compile_draw
from gateway.definitions.method_settings import effective_setting
from gateway.definitions.stage import AccessLogSettings, LoggingLevel, MethodSetting, Stage
from gateway.integrations.base import (
    CompiledIntegration,
    IntegrationContext,
    MisconfiguredError,
)
from gateway.messages import MethodIdentity
from gateway.release import (
    ACCOUNT_BUCKET,
    BASE_ARM,
    CANARY_ARM,
    Release,
)
from gateway.snapshot.api_keys import KeyedMethod, KeyTables
from gateway.snapshot.caching import space_of, with_cache
from gateway.snapshot.compiled import (
    CompiledDeployment,
    CompiledMethod,
    CompiledStage,
    MethodPlan,
    Variant,
)
from gateway.snapshot.deployments import NOT_COMPILED
from gateway.snapshot.on_demand import OnDemand
from gateway.snapshot.stage_key import StageKey, StageSlots
from gateway.snapshot.tracing import with_trace
from gateway.telemetry.access_log import CompiledAccessLog, compile_access_log
from gateway.telemetry.execution_log import destination as execution_log_of
from gateway.throttle import BucketTable, Meter

_log = logging.getLogger(__name__)

_Bound = tuple[CompiledIntegration | None, str | None]
"""A plan with a stage's variables put in, or why that is not possible."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binding:
    """What compiled objects refer to beyond the release: it outlives every snapshot."""

    buckets: BucketTable
    context: IntegrationContext
    keys: KeyTables | None = None
    """Shared memory of API keys; None: no key is let in."""


def _context_of(stage: Stage, release: Release, binding: Binding) -> IntegrationContext:
    """Return what a stage's integrations take from their surroundings."""
    id_ = stage.client_certificate_id
    if id_ is None and not release.vpc_links:
        return binding.context
    return replace(
        binding.context,
        client_certificate_id=id_,
        client_certificate=release.client_certificates.get(id_) if id_ is not None else None,
        vpc_links=release.vpc_links,
    )


def account_meters_of(release: Release, buckets: BucketTable) -> tuple[Meter, ...]:
    """Return the account's meter, if it has limits, for all stages to share.

    What a worker trusts a bucket to hold, it trusts once for each meter.
    """
    rate, burst = release.account_rate_limit, release.account_burst_limit
    if rate is None or burst is None:
        return ()
    return (Meter(buckets, release.bucket_slots[ACCOUNT_BUCKET], rate, burst),)


@lru_cache(maxsize=1024)
def _access_log(settings: AccessLogSettings, is_canary: bool) -> CompiledAccessLog | None:
    """Return one object for all stages and releases: compiling it takes as long as 50 methods."""
    return compile_access_log(settings, "accessLogSettings", [], is_canary=is_canary)


class StageBinder:
    """Puts one stage's variables, settings and slots into the deployments it points at."""

    def __init__(
        self,
        release: Release,
        api_id: str,
        stage: Stage,
        deployments: dict[str, CompiledDeployment],
        binding: Binding,
        spaces: Mapping[str, int],
        account_meters: tuple[Meter, ...],
    ) -> None:
        """Take what the stage is bound to.

        `spaces` are the API's caches, see `spaces_of`; `account_meters` all stages share.
        """
        # Not the release: what is bound late would keep it.
        self._account = release.account
        self._region = release.region
        self._is_shadow = release.throttle_shadow
        self._api_id = api_id
        self._stage = stage
        self._binding = binding
        self._context = _context_of(stage, release, binding)
        self._spaces = spaces
        self._bound: dict[tuple[str, int], _Bound] = {}
        """By arm and the plan's identity as an object: methods that share a plan share this too."""
        canary = stage.canary_settings
        self._arms = [(BASE_ARM, deployments[stage.deployment_id], dict(stage.variables))]
        if canary is not None:
            variables = {**stage.variables, **canary.stage_variable_overrides}
            deployment = deployments[canary.deployment_id or stage.deployment_id]
            self._arms.append((CANARY_ARM, deployment, variables))
        newest = max(
            (deployments[each.deployment_id] for each in release.stages[api_id].values()),
            key=lambda each: each.created_date,
        )
        # Deployments made from files have no date: each stage goes by its own.
        decisive = newest if newest.created_date else self._arms[0][1]
        self._is_execute_api_disabled = decisive.is_execute_api_disabled
        self._account_meters = account_meters
        self._slots = StageSlots(release, api_id, stage.stage_name)
        self.key: Final = self._key()
        """What the compiled stage depends on."""

    def _key(self) -> StageKey:
        api_id, stage, spaces = self._api_id, self._stage, self._spaces
        return StageKey(
            (
                stage,
                tuple(deployment.id for _, deployment, _ in self._arms),
                self._is_execute_api_disabled,
                self._context.client_certificate,
                tuple(space_of(api_id, stage, arm, each.id, spaces) for arm, each, _ in self._arms),
            ),
            self._slots,
            tuple((arm, deployment.places) for arm, deployment, _ in self._arms),
        )

    def bind(self) -> CompiledStage:
        """Return the compiled stage, whose methods are bound when they are called first."""
        variants = [self._variant(*arm) for arm in self._arms]
        canary = self._stage.canary_settings
        return CompiledStage(
            api_id=self._api_id,
            definition=self._stage,
            base=variants[0],
            canary=variants[1] if canary is not None else None,
            canary_percent=canary.percent_traffic if canary is not None else 0.0,
            draw=None if canary is None else compile_draw(canary),
            is_execute_api_disabled=self._is_execute_api_disabled,
            bound=self._bound,
        )

    def _variant(
        self, arm: str, deployment: CompiledDeployment, variables: dict[str, str]
    ) -> Variant:
        settings = self._stage.access_log_settings
        access_log = None if settings is None else _access_log(settings, arm == CANARY_ARM)
        execution_log = execution_log_of(self._identity(arm, deployment, None, variables))

        def method(index: int) -> CompiledMethod:
            plan = deployment.methods[index]
            return self._method(arm, deployment, plan, variables, access_log, execution_log)

        return Variant(
            identity=self._identity(arm, deployment, None, variables),
            routes=deployment.routes,
            methods=OnDemand(len(deployment.methods), method),
            gateway_responses=deployment.gateway_responses,
            access_log=access_log,
            metrics_block=self._slots.stage_block(arm),
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
            space = space_of(self._api_id, self._stage, arm, deployment.id, self._spaces)
            integration = with_cache(integration, plan, self._stage, space, self._binding.context)
            integration = with_trace(integration, setting, self._stage, self._binding.context)
        return CompiledMethod(
            identity=identity,
            integration=integration,
            refusal=refusal,
            meters=self._meters(plan, setting),
            gateway_responses=deployment.gateway_responses,
            access_log=access_log,
            metrics_block=(
                self._slots.method_block(arm, plan.resource_path, plan.http_method)
                or self._slots.stage_block(arm)
            ),
            logging_level=setting.logging_level if setting else LoggingLevel.OFF,
            execution_log=execution_log,
            keyed=self._keyed(plan),
            is_shadow=self._is_shadow,
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
            return plan.integration.bind(identity, self._context), None
        except MisconfiguredError as error:
            return None, str(error)
        except Exception:  # noqa: BLE001 (a bug in binding a method is its own 500)
            place = f"{plan.http_method} {plan.resource_path} of stage {identity.stage}"
            _log.exception("%s of API %s cannot be bound: a bug", place, self._api_id)
            return None, NOT_COMPILED

    def _identity(
        self,
        arm: str,
        deployment: CompiledDeployment,
        plan: MethodPlan | None,
        variables: dict[str, str],
    ) -> MethodIdentity:
        return MethodIdentity(
            account_id=self._account,
            region=self._region,
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

    def _meters(self, plan: MethodPlan, setting: MethodSetting | None) -> tuple[Meter, ...]:
        if setting is None:
            return self._account_meters
        rate, burst = setting.throttling_rate_limit, setting.throttling_burst_limit
        own = Meter(
            self._binding.buckets,
            self._slots.bucket(plan.resource_path, plan.http_method),
            rate,
            burst,
        )
        return (own, *self._account_meters)
