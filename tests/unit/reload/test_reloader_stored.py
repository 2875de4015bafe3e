from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import configuration
from gateway.configuration.loaded import Loaded
from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import CanarySettings, Deployment, MethodSetting, Stage
from gateway.errors import ConfigurationError
from gateway.release import Release
from gateway.release.decode import salvage_release
from gateway.release.encode import encode_release
from gateway.release.frozen import outline_part
from gateway.reload import Capacities, Reloader, sizes
from gateway.store.served import ServedApi, StoredDeployment, definition_text
from gateway.telemetry.metrics import SERIES_PER_BLOCK
from tests.running_gateway import pets

EMPTY = Release(revision=0, digest="", region="us-east-1", account="000000000000")
ROOMY = Capacities(buckets=100, blocks=100)
LIMITED: Mapping[str, MethodSetting] = {"*/*": MethodSetting(metrics_enabled=True)}
NO_FILES = Loaded(is_absent=True)


def deployment(id_: str, api_id: str = "a") -> Deployment:
    method = Method(integration=Integration(type=IntegrationType.MOCK))
    resources = tuple(
        Resource(path=path, methods={"GET": method}) for path in ("/pets", "/pets/{id}")
    )
    definition = ApiDefinition(rest_api=RestApi(name="pets"), resources=resources)
    return Deployment(id=id_, api_id=api_id, definition=definition)


def served(
    *ids: str, api_id: str = "a", settings: Mapping[str, MethodSetting] | None = None
) -> ServedApi:
    """An API whose `prod` serves the first deployment, and the second as a canary."""
    canary = CanarySettings(percent_traffic=1.0, deployment_id=ids[1]) if ids[1:] else None
    stage = Stage(
        stage_name="prod",
        deployment_id=ids[0],
        method_settings=settings or {},
        canary_settings=canary,
    )
    return ServedApi(
        stages={"prod": stage},
        deployment_ids=frozenset(ids),
        deployments={id_: stored(deployment(id_, api_id)) for id_ in ids},
    )


def stored(made: Deployment) -> StoredDeployment:
    return StoredDeployment(
        id=made.id,
        api_id=made.api_id,
        text=definition_text(made.definition),
        created_date=made.created_date,
    )


@pytest.fixture
def reloader() -> Reloader:
    return Reloader(EMPTY, ROOMY)


def check(reloader: Reloader) -> None:
    """What was amended is what would have been made from scratch."""
    release, parts = reloader.release, reloader.parts
    decoded, problems = salvage_release(release.revision, parts)
    assert not problems
    assert encode_release(decoded) == parts
    assert decoded.stages == release.stages
    outlines, _ = salvage_release(release.revision, parts, outline_part)
    assert outlines.deployments.keys() == release.deployments.keys()
    for id_, api_id in ((id_, each.api_id) for id_, each in release.deployments.items()):
        if api_id not in release.files:
            assert decoded.deployments[id_] == deployment(id_, api_id)
            assert outlines.deployments[id_] == release.deployments[id_]
    assert decoded.bucket_slots == release.bucket_slots
    assert decoded.metric_slots == release.metric_slots
    assert decoded.digest == release.digest


def test_an_api_comes_changes_and_goes(reloader: Reloader) -> None:
    assert reloader.apply_stored({"a": served("d1", settings=LIMITED)})
    check(reloader)
    assert len(reloader.release.bucket_slots) == 3
    assert reloader.apply_stored({"a": served("d1", "d2")})
    check(reloader)
    assert set(reloader.release.deployments) == {"d1", "d2"}
    assert len(reloader.release.bucket_slots) == 1
    assert reloader.apply_stored({"a": None})
    check(reloader)

    assert (reloader.release.stages, reloader.release.deployments) == ({}, {})
    assert reloader.release.revision == 3
    assert reloader.known_deployments() == frozenset()


def test_the_others_are_left_alone(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1", settings=LIMITED)})
    before = reloader.parts["api/a"], reloader.parts["deployment/d1"]

    reloader.apply_stored({"b": served("d2", api_id="b", settings=LIMITED)})

    assert (reloader.parts["api/a"], reloader.parts["deployment/d1"]) == before
    check(reloader)


def test_nothing_new_is_no_release(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1")})

    assert not reloader.apply_stored({"a": served("d1")})
    assert not reloader.apply_stored({"nothing": None})
    assert reloader.release.revision == 1


def test_a_deployment_is_not_asked_for_twice(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1")})
    assert reloader.known_deployments() == {"d1"}
    second = served("d1", settings=LIMITED)

    known = ServedApi(stages=second.stages, deployment_ids=second.deployment_ids, deployments={})
    assert reloader.apply_stored({"a": known})
    check(reloader)


def test_a_full_table_leaves_the_release(reloader: Reloader) -> None:
    small = Reloader(EMPTY, Capacities(buckets=2, blocks=100))

    with pytest.raises(ConfigurationError, match="token buckets"):
        small.apply_stored({"a": served("d1", settings=LIMITED)})
    assert small.release == EMPTY


def test_blocks_beyond_the_table_are_left_out() -> None:
    small = Reloader(EMPTY, Capacities(buckets=100, blocks=3))

    small.apply_stored({"a": served("d1", settings=LIMITED)})

    assert len(small.release.metric_slots) == 3


def test_methods_leave_the_stages_blocks_to_stages() -> None:
    one_method = Capacities(buckets=100, blocks=4, series=SERIES_PER_BLOCK)
    small = Reloader(EMPTY, one_method)

    small.apply_stored({"a": served("d1", settings=LIMITED)})
    small.apply_stored({"b": served("d2", api_id="b", settings=LIMITED)})

    assert list(small.release.metric_slots) == [
        "",
        "a/prod/base",
        "a/prod/base/pets#GET",
        "b/prod/base",
    ]
    small.apply_stored({"a": None, "b": served("d2", api_id="b", settings=LIMITED)})
    assert len(small.release.metric_slots) == 3


def test_a_reload_of_files_keeps_what_is_stored(reloader: Reloader, tmp_path: Path) -> None:
    reloader.hold_all_stored({"a": served("d1")})
    write(tmp_path, "pets")

    reloader.apply(configuration.load(tmp_path))

    assert set(reloader.release.stages) == {"a", "pets"}
    assert reloader.release.files == {"pets": "pets.yaml"}
    check(reloader)


def test_a_file_wins_over_the_store_and_says_so(reloader: Reloader, tmp_path: Path) -> None:
    reloader.apply_stored({"pets": served("d1", api_id="pets")})
    write(tmp_path, "pets")

    report = reloader.apply(configuration.load(tmp_path))

    assert reloader.release.files == {"pets": "pets.yaml"}
    assert "d1" not in reloader.release.deployments
    assert [problem.severity for problem in report.problems] == ["warning"]
    assert not reloader.apply_stored({"pets": served("d2", api_id="pets")})
    check(reloader)


def test_a_broken_file_does_not_take_the_stores_api(reloader: Reloader, tmp_path: Path) -> None:
    reloader.apply_stored({"pets": served("d1", api_id="pets")})
    write(tmp_path, "pets", "resources: [")

    report = reloader.apply(configuration.load(tmp_path))

    assert set(reloader.release.stages) == {"pets"}
    assert report.missing == ("pets",)


def test_a_gateway_without_files_is_no_gateway_whose_files_vanished(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1")})

    report = reloader.apply(NO_FILES)

    assert report.is_ok
    assert set(reloader.release.stages) == {"a"}


def test_what_is_stored_outlives_the_control_process(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1"), "b": served("d2", api_id="b")})

    again = Reloader(reloader.release, ROOMY, reloader.parts)
    assert again.known_deployments() == {"d1", "d2"}
    again.hold_all_stored({"a": served("d1")})
    report = again.apply(NO_FILES)

    assert report.revision == reloader.release.revision + 1
    assert set(again.release.stages) == {"a"}


def test_a_deployment_that_is_no_definition_holds_back_its_api_alone(reloader: Reloader) -> None:
    reloader.apply_stored({"a": served("d1")})
    broken = replace(stored(deployment("d2")), text="[]")
    odd = replace(served("d2"), deployments={"d2": broken})

    assert reloader.apply_stored({"a": odd, "b": served("d3", api_id="b")})
    check(reloader)
    assert set(reloader.release.deployments) == {"d1", "d3"}
    assert [problem.path for problem in reloader.unfit["a"]] == ["deployment/d2"]


def test_a_deployment_comes_back_after_a_file_took_its_place(
    reloader: Reloader, tmp_path: Path
) -> None:
    reloader.apply_stored({"pets": served("d1", api_id="pets")})
    write(tmp_path, "pets")
    reloader.apply(configuration.load(tmp_path))
    assert "d1" not in reloader.release.deployments
    (tmp_path / "apis" / "pets.yaml").rename(tmp_path / "apis" / "other.yaml")

    reloader.apply(configuration.load(tmp_path))

    assert "d1" in reloader.release.deployments
    check(reloader)


def write(directory: Path, name: str, text: str | None = None) -> None:
    (directory / "apis").mkdir(exist_ok=True)
    (directory / "apis" / f"{name}.yaml").write_text(pets() if text is None else text)


def too_large(api: ServedApi) -> ServedApi:
    """The same API with a template in it that no worker would take."""
    integration = Integration(
        type=IntegrationType.MOCK, request_templates={"application/json": "x" * 100_000}
    )
    resource = Resource(path="/pets", methods={"GET": Method(integration=integration)})
    definition = ApiDefinition(rest_api=RestApi(name="pets"), resources=(resource,))
    return replace(
        api,
        deployments={
            id_: replace(each, text=definition_text(definition))
            for id_, each in api.deployments.items()
        },
    )


def test_what_cannot_travel_stays_as_it_was_and_holds_back_no_other(
    reloader: Reloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "FRAME_BYTES_MAX", 50_000)
    reloader.apply_stored({"a": served("d1")})

    assert reloader.apply_stored({"a": too_large(served("d2")), "b": served("d3", api_id="b")})

    check(reloader)
    assert reloader.release.stages["a"]["prod"].deployment_id == "d1"
    assert reloader.release.stages["b"]["prod"].deployment_id == "d3"
    assert reloader.known_deployments() == {"d1", "d3"}
    assert reloader.unfit.keys() == {"a"}
    assert "deployment d2: a method" in str(reloader.unfit["a"][0])
    reloader.apply_stored({"a": None})
    assert reloader.unfit == {}


def test_what_cannot_travel_is_left_out_of_a_start(
    reloader: Reloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "FRAME_BYTES_MAX", 50_000)

    reloader.hold_all_stored({"a": too_large(served("d2")), "b": served("d3", api_id="b")})
    reloader.apply(NO_FILES, may_be_absent=True)

    check(reloader)
    assert set(reloader.release.stages) == {"b"}


def test_a_file_that_cannot_travel_stays_as_it_was(
    reloader: Reloader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "apis").mkdir()
    (tmp_path / "apis/pets.yaml").write_text(pets("small"))
    reloader.apply(configuration.load(tmp_path))
    before = reloader.release.stages["pets"]
    monkeypatch.setattr(sizes, "FRAME_BYTES_MAX", 50_000)
    (tmp_path / "apis/pets.yaml").write_text(pets("x" * 60_000))

    report = reloader.apply(configuration.load(tmp_path))

    assert report.kept == ("pets",)
    assert reloader.release.stages["pets"] == before
    assert "more than the 50000" in str(report.errors[0])
