"""Usage plans and API keys of files and store in one release, with their slots."""

from __future__ import annotations

from pathlib import Path

from gateway.configuration.loaded import Loaded
from gateway.definitions.usage_plan import (
    NO_USAGE,
    ApiKey,
    ApiStage,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.release import Release
from gateway.release.decode import salvage_release
from gateway.release.encode import encode_release
from gateway.release.usage import UsageKey, all_keys
from gateway.reload import Capacities, Reloader
from gateway.reload.usage import UsageState
from gateway.store.account_wide import AccountWide

EMPTY = Release(revision=0, digest="", region="r", account="a")
ONE = ThrottleSettings(rate_limit=1.0, burst_limit=1)


def plan(id_: str, *keys: str, throttle: ThrottleSettings | None = ONE) -> UsagePlan:
    stages = (ApiStage(api_id="shop", stage="dev"),)
    return UsagePlan(id=id_, api_stages=stages, throttle=throttle, api_keys=keys)


def usage(*plans: UsagePlan, **values: str) -> UsageDefinitions:
    names = {key_id: key_id for each in plans for key_id in each.api_keys} | values
    return UsageDefinitions(
        api_keys={id_: ApiKey(id=id_, value=value) for id_, value in names.items()},
        usage_plans={each.id: each for each in plans},
    )


def served(release: Release) -> dict[str, UsageKey]:
    return {key.id: key for key in all_keys(release.api_keys)}


def slots(release: Release) -> dict[str, dict[str, tuple[int, ...]]]:
    return {id_: dict(key.plans) for id_, key in served(release).items()}


def test_a_key_keeps_its_slots_and_a_freed_one_is_used_last() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.hold_stored(usage(plan("p", "a", "b")))
    first = slots(state.put_into(EMPTY))
    state.hold_stored(usage(plan("p", "b", "c")))
    second = slots(state.put_into(EMPTY))

    assert first == {"a": {"p": (1, 1)}, "b": {"p": (2, 2)}}
    assert second == {"b": {"p": (2, 2)}, "c": {"p": (3, 3)}}


def test_slots_live_through_a_restart() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.hold_stored(usage(plan("p", "a", "b")))
    state.hold_stored(usage(plan("p", "b")))
    release = state.put_into(EMPTY)
    again = UsageState(release, 10, 10)
    again.hold_stored(usage(plan("p", "x", "b")))

    assert slots(again.put_into(EMPTY))["b"] == slots(release)["b"]


def test_a_plan_without_throttles_needs_no_bucket() -> None:
    state = UsageState(EMPTY, 10, 2)
    state.hold_stored(usage(plan("p", "a", "b", "c", throttle=None), plan("q", "a")))

    assert slots(state.put_into(EMPTY))["a"] == {"p": (1,), "q": (2, 1)}
    assert state.without_room == 0


def test_who_finds_no_room_is_told_and_holds_back_no_other() -> None:
    state = UsageState(EMPTY, 3, 3)
    state.hold_stored(usage(plan("p", "b", "c")))
    state.put_into(EMPTY)
    state.hold_stored(usage(plan("p", "a", "b", "c")))
    release = state.put_into(EMPTY)

    assert slots(release)["a"] == {"p": ()}
    assert slots(release)["b"] == {"p": (1, 1)}
    assert [str(each) for each in state.problems()] == [
        (
            "apiKeys: 1 API keys found no room in the shared tables and are answered 500: remove "
            "throttles of methods, or keys"
        )
    ]


def test_files_win_by_id_and_by_value() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.hold_stored(usage(plan("p", "a"), plan("gold", "b"), a="same", b="other"))
    state.take(Loaded(usage=usage(plan("gold", "k"), k="same")))
    release = state.put_into(EMPTY)

    # The key b was in the store's plan: the file's of the same id is not open to it.
    assert slots(release) == {"k": {"gold": (1, 1)}}
    assert [each.path for each in state.problems()] == ["usagePlans.gold", "apiKeys.k"]


def test_a_key_of_the_file_may_be_in_a_plan_of_the_store() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.take(Loaded(usage=usage(plan("gold", "k"))))
    state.hold_stored(usage(plan("p", "k")))

    assert slots(state.put_into(EMPTY)) == {"k": {"gold": (1, 1), "p": (2, 2)}}


def test_a_broken_file_keeps_what_it_said_also_after_a_restart() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.take(Loaded(usage=usage(plan("gold", "k"))))
    state.hold_stored(usage(plan("p", "a", "k")))
    release = state.put_into(EMPTY)
    state.take(Loaded(usage=None))
    assert state.put_into(EMPTY) == release

    again = UsageState(release, 10, 10)
    again.hold_stored(usage(plan("p", "a", "k")))
    again.take(Loaded(usage=None, files=(Path("usage.yaml"),)))

    assert again.put_into(EMPTY) == release
    assert list(again.files.plans) == ["gold"]
    again.take(Loaded(usage=NO_USAGE))
    assert list(again.put_into(EMPTY).usage_plans) == ["p"]


def test_a_release_tells_what_is_of_files_so_that_a_plan_of_clients_is_not_taken_for_gone() -> None:
    state = UsageState(EMPTY, 10, 10)
    state.take(Loaded(usage=usage(plan("gold", "k"))))
    state.hold_stored(usage(plan("p", "a")))
    release = state.put_into(EMPTY)
    # As `stagegate plan` does, which has no store.
    again = UsageState(release, 10, 10)
    again.take(Loaded(usage=NO_USAGE))

    assert release.file_plans == {"gold"}
    assert slots(again.put_into(EMPTY)) == {"a": {"p": (2, 2)}}


def test_the_reloader_releases_what_the_store_says() -> None:
    reloader = Reloader(EMPTY, Capacities(buckets=10, blocks=10))
    assert reloader.apply_stored({}, AccountWide(usage=usage(plan("p", "a", "b"))))
    assert not reloader.apply_stored({}, AccountWide(usage=usage(plan("p", "a", "b"))))
    parts = reloader.parts
    assert reloader.apply_stored({}, AccountWide(usage=usage(plan("p", "a", "b", "c"))))
    release = reloader.release

    changed = [key for key, part in reloader.parts.items() if parts.get(key) is not part]
    assert [key.partition("/")[0] for key in changed] == ["keys"]
    assert encode_release(release) == reloader.parts
    assert salvage_release(2, reloader.parts)[0].api_keys == release.api_keys
    assert reloader.apply_stored({}, AccountWide(usage=NO_USAGE))
    assert not any("/" in key for key in reloader.parts)
