"""Facts about the spaces of stages' caches; which methods cache is tested with `Cached` itself."""

from __future__ import annotations

from gateway.definitions.stage import CanarySettings, Stage
from gateway.snapshot.caching import space_of


def test_spaces_differ_by_stage_flush_and_the_canarys_deployment() -> None:
    plain = Stage(stage_name="dev", canary_settings=CanarySettings())
    shared = Stage(stage_name="dev", canary_settings=CanarySettings(use_stage_cache=True))
    other = Stage(stage_name="prod")
    base = space_of("shop", plain, "base", "d1", 0)

    assert base == space_of("shop", plain, "base", "d2", 0)
    assert base == space_of("shop", shared, "canary", "d2", 0)
    assert (
        len(
            {
                base,
                space_of("shop", plain, "base", "d1", 3),
                space_of("shop", plain, "canary", "d1", 0),
                space_of("shop", plain, "canary", "d2", 0),
                space_of("shop", other, "base", "d1", 0),
                space_of("pets", plain, "base", "d1", 0),
            }
        )
        == 6
    )
