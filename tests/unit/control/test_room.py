"""Facts about what is refused because the shared tables would not hold it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway.control.room import Places, Room
from gateway.definitions.stage import CanarySettings, MethodSetting, Stage
from gateway.errors import ControlError
from gateway.release import Release
from gateway.store.tables import REST_API
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers

LIMIT = {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "7"}
NO_LIMIT = {"op": "remove", "path": "/*/*"}
CANARY = {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "10"}


class Bench(Handlers):
    """Mutations that must fit: what is refused is undone, as in the service."""

    def __init__(self, directory: Path, capacity: Places) -> None:
        super().__init__(directory)
        self.room = Room(capacity)

    def call(self, name: str, *values: Any, **labels: Any) -> Any:
        plain, run = super().call, self.store.run

        def run_checked(work: Any, **options: Any) -> Any:
            def checked(transaction: Transaction) -> Any:
                value = work(transaction)
                self.room.check(transaction)
                return value

            return run(checked, **options)

        self.store.run = run_checked  # type: ignore[method-assign]
        try:
            return plain(name, *values, **labels)
        finally:
            self.store.run = run  # type: ignore[method-assign]

    def deployed(self, stage: str = "prod") -> str:
        """Make an API of one method on a stage."""
        made: str = self.method()["restapi_id"]
        self.call("CreateDeployment", {"stageName": stage}, restapi_id=made)
        return made

    def patch(self, api: str, operation: dict[str, str]) -> None:
        operations = {"patchOperations": [operation]}
        self.call("UpdateStage", operations, restapi_id=api, stage_name="prod")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, Places(buckets=2, stages=3))
    yield made
    made.close()


def test_a_change_that_needs_more_buckets_than_there_are_is_refused_and_undone(
    bench: Bench,
) -> None:
    apis = [bench.deployed() for _ in range(3)]
    for api in apis[:2]:
        bench.patch(api, LIMIT)

    with pytest.raises(
        ControlError, match=r"needs 3 token buckets.*holds 2.*throttle\.buckets"
    ) as told:
        bench.patch(apis[2], LIMIT)

    assert (told.value.code, told.value.status) == ("LimitExceededException", 429)
    shown = bench.call("GetStage", restapi_id=apis[2], stage_name="prod")
    assert "methodSettings" not in shown or shown["methodSettings"] == {}


def test_whoever_gives_places_back_makes_room_for_others(bench: Bench) -> None:
    apis = [bench.deployed() for _ in range(3)]
    for api in apis[:2]:
        bench.patch(api, LIMIT)
    bench.patch(apis[0], NO_LIMIT)
    bench.patch(apis[2], LIMIT)

    bench.call("DeleteRestApi", restapi_id=apis[1])
    bench.patch(apis[0], LIMIT)

    assert repr(bench.room).startswith("<Room Places(buckets=2, stages=2) of")


def test_more_stages_than_are_counted_are_refused(bench: Bench) -> None:
    apis = [bench.deployed() for _ in range(2)]
    bench.patch(apis[0], CANARY)

    with pytest.raises(ControlError, match=r"makes 4 stages and canaries.*of 3.*metrics\.stages"):
        bench.deployed()
    with pytest.raises(ControlError, match=r"metrics\.stages"):
        bench.patch(apis[1], CANARY)


def test_what_files_take_is_not_there_for_clients(bench: Bench) -> None:
    api = bench.deployed()
    stage = Stage(stage_name="prod", canary_settings=CanarySettings())
    settings = {"*/*": MethodSetting()}
    release = Release(
        revision=1,
        digest="",
        region="r",
        account="a",
        stages={"shop": {"prod": replace(stage, method_settings=settings)}, api: {}},
        files={"shop": "shop.yaml"},
        bucket_slots={"account": 0, "shop/prod/a#GET": 1, "shop/prod/b#GET": 2, f"{api}/x#GET": 3},
    )
    bench.room.note_files(release)

    with pytest.raises(ControlError, match="needs 3 token buckets"):
        bench.patch(api, LIMIT)
    with pytest.raises(ControlError, match="makes 4 stages"):
        bench.deployed()
    bench.room.note_files(replace(release, stages={}, files={}))
    bench.patch(api, LIMIT)


def test_what_needs_no_more_than_before_is_never_refused(bench: Bench) -> None:
    """As when a restart with smaller tables finds them full."""
    apis = [bench.deployed() for _ in range(2)]
    for api in apis:
        bench.patch(api, LIMIT)
    bench.room = Room(Places(buckets=1, stages=1))
    bench.store.run(bench.room.count)

    bench.patch(apis[0], LIMIT | {"value": "9"})
    with pytest.raises(ControlError, match=r"metrics\.stages"):
        bench.patch(apis[0], CANARY)
    bench.patch(apis[0], NO_LIMIT)


def test_nothing_is_refused_for_what_was_noted_and_not_committed(bench: Bench) -> None:
    apis = [bench.deployed() for _ in range(3)]

    def undone(transaction: Transaction) -> None:
        for api in apis[:2]:
            bench.room._set(api, Places(buckets=1, stages=1))
        transaction.changes.apis.add("nothing")
        bench.room.check(transaction)

    bench.store.run(undone)
    bench.room._set("gone", Places(buckets=2, stages=2))
    bench.patch(apis[2], LIMIT)

    assert bench.room._sum == Places(buckets=1, stages=3)


def test_what_is_not_served_takes_no_place(bench: Bench) -> None:
    api = bench.deployed()
    bench.patch(api, LIMIT)
    bench.store.run(lambda transaction: transaction.run(update(REST_API).values(file="a.yaml")))
    bench.store.run(bench.room.count)

    assert bench.room._sum == Places()


def test_an_api_that_cannot_be_read_keeps_no_other_from_being_counted(bench: Bench) -> None:
    apis = [bench.deployed() for _ in range(2)]
    for api in apis:
        bench.patch(api, LIMIT)
    bench.store.run(
        lambda transaction: transaction.execute(
            "UPDATE stage_method_setting SET logging_level = 'LOUD' WHERE stage = "
            "(SELECT min(stage) FROM stage_method_setting)"
        )
    )

    bench.store.run(bench.room.count)

    assert bench.room._sum == Places(buckets=1, stages=1)
    bench.call("DeleteRestApi", restapi_id=apis[0])
