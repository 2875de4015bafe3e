"""Facts about what the store holds of what is served; more in `test_reloader_stored.py`."""

from dataclasses import replace

import pytest

from gateway.definitions.stage import Stage
from gateway.release import Release
from gateway.release.frozen import freeze
from gateway.reload.stored import StoredApis
from gateway.store.served import ServedApi, StoredDeployment

EMPTY = Release(revision=0, digest="", region="r", account="a")
TEXT = '{"restApi": {"name": "pets"}, "resources": [{"path": "/", "methods": {"GET": {}}}]}'


def served(*ids: str, read: tuple[str, ...] | None = None) -> ServedApi:
    """An API with a stage for each deployment; `read` are those that were not known."""
    return ServedApi(
        stages={id_: Stage(stage_name=id_, deployment_id=id_) for id_ in ids},
        deployment_ids=frozenset(ids),
        deployments={
            id_: StoredDeployment(id=id_, api_id="a", text=TEXT, created_date=1.0)
            for id_ in (ids if read is None else read)
        },
    )


@pytest.fixture
def stored() -> StoredApis:
    return StoredApis(EMPTY, {})


def test_a_deployment_is_taken_over_once(stored: StoredApis) -> None:
    stored.take({"a": served("d1")})
    first = stored.parts["deployment/d1"]
    stored.take({"a": served("d1", "d2", read=("d2",))})

    assert stored.parts["deployment/d1"] is first
    assert stored.deployment_ids == {"d1", "d2"}
    held = stored.get("a")
    assert held is not None
    assert held.deployments["d1"] == freeze("d1", "a", TEXT, 1.0)[0]


def test_what_is_no_longer_pointed_at_is_dropped(stored: StoredApis) -> None:
    stored.take({"a": served("d1", "d2"), "b": served("d3")})
    stored.take({"a": served("d2", read=())})
    stored.forget_others({"a"})

    assert [api_id for api_id, _ in stored] == ["a"]
    assert stored.parts.keys() == {"deployment/d2"}
    assert repr(stored) == "<StoredApis 1 APIs, 1 deployments>"
    stored.take({"a": None})
    assert (stored.get("a"), stored.parts) == (None, {})


def test_what_cannot_be_read_stays_as_it_was(stored: StoredApis) -> None:
    stored.take({"a": served("d1")})
    odd = served("d2")
    broken = replace(odd.deployments["d2"], text="?")

    stored.take({"a": replace(odd, deployments={"d2": broken}), "b": served("d3")})

    assert stored.deployment_ids == {"d1", "d3"}
    assert stored.unfit.keys() == {"a"}
    stored.take({"a": odd})
    assert stored.unfit == {}


def test_it_begins_with_the_last_good_release_but_for_its_files() -> None:
    outline, part = freeze("d1", "a", TEXT, 1.0)
    stages = {"prod": Stage(stage_name="prod", deployment_id="d1")}
    start = replace(
        EMPTY,
        stages={"a": stages, "of-a-file": stages},
        deployments={"d1": outline},
        files={"of-a-file": "x.yaml"},
    )

    stored = StoredApis(start, {part.key: part})

    assert [api_id for api_id, _ in stored] == ["a"]
    assert stored.parts == {part.key: part}
