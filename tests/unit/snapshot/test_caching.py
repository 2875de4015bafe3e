"""Facts about the spaces of stages' caches; which methods cache is tested with `Cached` itself."""

from __future__ import annotations

import itertools
from dataclasses import replace

from gateway.definitions.stage import CanarySettings, Stage
from gateway.snapshot.caching import space_of, spaces_of


def test_spaces_differ_by_stage_number_and_the_canarys_deployment() -> None:
    plain = Stage(stage_name="dev", canary_settings=CanarySettings())
    shared = Stage(stage_name="dev", canary_settings=CanarySettings(use_stage_cache=True))
    other = Stage(stage_name="prod")
    base = space_of("shop", plain, "base", "d1", {})

    assert base == space_of("shop", plain, "base", "d2", {})
    assert base == space_of("shop", shared, "canary", "d2", {})
    assert (
        len(
            {
                base,
                space_of("shop", plain, "base", "d1", {"dev": 3}),
                space_of("shop", plain, "canary", "d1", {}),
                space_of("shop", plain, "canary", "d1", {"dev/d1": 3}),
                space_of("shop", plain, "canary", "d2", {}),
                space_of("shop", other, "base", "d1", {}),
                space_of("pets", plain, "base", "d1", {}),
            }
        )
        == 7
    )


def test_a_cache_keeps_its_number_until_it_ends_or_is_flushed() -> None:
    numbers = itertools.count(1)
    canary = CanarySettings(deployment_id="d2")
    on = Stage(stage_name="dev", cache_cluster_enabled=True, deployment_id="d1")
    split = replace(on, canary_settings=canary)

    def spaces(stage: Stage, before: dict[str, int], *flushed: str) -> dict[str, int]:
        return spaces_of({"dev": stage}, before, flushed, lambda: next(numbers))

    assert spaces(on, {}) == {"dev": 1}
    assert spaces(split, {"dev": 1}) == {"dev": 1, "dev/d2": 2}
    assert spaces(split, {"dev": 1, "dev/d2": 2}, "prod") == {"dev": 1, "dev/d2": 2}
    assert spaces(on, {"dev": 1, "dev/d2": 2}) == {"dev": 1}
    assert spaces(split, {"dev": 1}) == {"dev": 1, "dev/d2": 3}
    assert spaces(split, {"dev": 1, "dev/d2": 3}, "dev") == {"dev": 4, "dev/d2": 5}
    assert spaces(replace(on, cache_cluster_enabled=False), {"dev": 4}) == {}
