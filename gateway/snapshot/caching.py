"""Which methods of a stage answer from its cache, and how: settings put to integrations."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from gateway.cache import CacheKey, revalidation_of
from gateway.definitions.method_settings import ALL_METHODS, covers_get, setting_key
from gateway.definitions.stage import Stage
from gateway.integrations.base import CompiledIntegration, IntegrationContext
from gateway.integrations.cached import Cached, CacheRules
from gateway.release import CANARY_ARM
from gateway.routing.paths import ANY
from gateway.snapshot.compiled import MethodPlan


def spaces_of(
    stages: Mapping[str, Stage],
    before: Mapping[str, int],
    flushed: Container[str],
    new_space: Callable[[], int],
) -> dict[str, int]:
    """Return the numbers of an API's caches: by stage, and by `STAGE/DEPLOYMENT` for canaries.

    A number never comes again, and a cache keeps its own for as long as it is there and is not
    flushed. So nothing returns that was emptied: not with a stage that is made anew or whose cache
    is switched on again, nor when a release has forgotten a flush because the control process died.

    Args:
        stages: Those of the API, by name.
        before: What this returned for the snapshot before.
        flushed: Names of stages whose cache was emptied since.
        new_space: Returns a new number.
    """
    spaces: dict[str, int] = {}
    for name, stage in stages.items():
        if not stage.cache_cluster_enabled:
            continue
        known = {} if name in flushed else before
        spaces[name] = known.get(name) or new_space()
        canary = stage.canary_settings
        if canary is not None:
            own = f"{name}/{canary.deployment_id or stage.deployment_id}"
            spaces[own] = known.get(own) or new_space()
    return spaces


def space_of(
    api_id: str, stage: Stage, arm: str, deployment_id: str, spaces: Mapping[str, int]
) -> str:
    """Return what keys of one stage's arm begin with; `spaces` are those of `spaces_of`.

    A canary has a space of its own, which ends with it, unless it uses the stage's.
    """
    space = f"{api_id}/{stage.stage_name}#{spaces.get(stage.stage_name, 0)}"
    canary = stage.canary_settings
    if arm != CANARY_ARM or (canary is not None and canary.use_stage_cache):
        return space
    own = spaces.get(f"{stage.stage_name}/{deployment_id}", 0)
    return f"{space}/{arm}/{deployment_id}#{own}"


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
