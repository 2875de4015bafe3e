"""Which methods of a stage answer from its cache, and how: settings put to integrations."""

from __future__ import annotations

from gateway.cache import CacheKey, revalidation_of
from gateway.definitions.method_settings import ALL_METHODS, covers_get, setting_key
from gateway.definitions.stage import Stage
from gateway.integrations.base import CompiledIntegration, IntegrationContext
from gateway.integrations.cached import Cached, CacheRules
from gateway.release import CANARY_ARM
from gateway.routing.paths import ANY
from gateway.snapshot.compiled import MethodPlan


def space_of(api_id: str, stage: Stage, arm: str, deployment_id: str, flushed: int) -> str:
    """Return what keys of one stage's arm begin with; a flush makes it another.

    A canary has a space of its own, which ends with it, unless it uses the stage's.
    """
    space = f"{api_id}/{stage.stage_name}#{flushed}"
    canary = stage.canary_settings
    if arm != CANARY_ARM or (canary is not None and canary.use_stage_cache):
        return space
    return f"{space}/{arm}/{deployment_id}"


def with_cache(
    integration: CompiledIntegration,
    plan: MethodPlan,
    stage: Stage,
    space: str,
    context: IntegrationContext,
) -> CompiledIntegration:
    """Return the integration behind the stage's cache, where the method's settings say so."""
    if not stage.cache_cluster_enabled or plan.is_streamed:
        return integration
    key = setting_key(plan.resource_path, plan.http_method)
    setting = stage.method_settings.get(key)
    if setting is None and covers_get(key):
        setting = stage.method_settings.get(ALL_METHODS)
    if setting is None or not setting.caching_enabled or not setting.cache_ttl_in_seconds:
        return integration
    rules = CacheRules(
        space=space,
        seconds=setting.cache_ttl_in_seconds,
        only_get=plan.http_method == ANY,
        revalidation=revalidation_of(setting),
        key=plan.cache_key or CacheKey(namespace=plan.resource_id),
    )
    return Cached(integration, rules, context.cache, context.body_bytes)
