"""Facts about the parts that a worker holds."""

import dataclasses
from collections.abc import Generator

import pytest

from gateway.errors import ConfigurationError, Problem
from gateway.release import Release
from gateway.release.encode import encode_release, with_digest
from gateway.release.parts import Part, digest_of_frames, digests_of
from gateway.release.recorded import RecordedDeployment
from gateway.snapshot import finish
from gateway.worker.shelf import Absorb, PartShelf, join
from tests.builders import api, mock, release

PETS = api({"/pets": {"GET": mock(200, "one")}})


def made() -> tuple[Release, dict[str, Part]]:
    one = release(PETS)
    parts = encode_release(one)
    return with_digest(one, parts), parts


def filled(parts: dict[str, Part]) -> PartShelf:
    shelf = PartShelf()
    for part in parts.values():
        shelf.put(part)
    return shelf


def absorbing(absorbed: list[RecordedDeployment]) -> Absorb:
    def absorb(deployment: RecordedDeployment) -> Generator[None, None, None]:
        absorbed.append(deployment)
        yield

    return absorb


def test_a_release_is_put_together_and_its_definitions_are_absorbed() -> None:
    one, parts = made()
    absorbed: list[RecordedDeployment] = []
    joined = finish(join(1, filled(parts).select(digests_of(parts)), absorbing(absorbed)))

    assert [each.deployment.id for each in absorbed] == list(one.deployments)
    assert [list(each.places()) for each in absorbed] == [[("/pets", "GET")]]
    assert joined.deployments["d1"].definition.resources == ()
    assert dataclasses.replace(joined, deployments=one.deployments) == one


def test_a_part_is_decoded_and_absorbed_once() -> None:
    _, parts = made()
    shelf = filled(parts)
    absorbed: list[RecordedDeployment] = []
    first = finish(join(1, shelf.select(digests_of(parts)), absorbing(absorbed)))
    second = finish(join(2, shelf.select(digests_of(parts)), absorbing(absorbed)))

    assert len(absorbed) == 1
    assert second.deployments["d1"] is first.deployments["d1"]
    assert second.revision == 2


def test_what_is_read_is_not_kept_as_it_came() -> None:
    _, parts = made()
    held = filled(parts).select(digests_of(parts))
    finish(join(1, held, absorbing([])))

    assert [each.part for each in held.values()] == [None] * len(parts)


def test_a_deployment_that_cannot_be_compiled_is_an_unreadable_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two resources of one path, say, which no version of control makes."""
    _, parts = made()
    absorbed: list[RecordedDeployment] = []

    def absorb(recorded: RecordedDeployment) -> Generator[None, None, None]:
        absorbed.append(recorded)
        yield
        if len(absorbed) == 1:
            raise ConfigurationError((Problem("resources", "mean the same"),))

    joined = finish(join(1, filled(parts).select(digests_of(parts)), absorb))

    assert joined.deployments.keys() == {"d1"}
    assert [each.deployment.id for each in absorbed] == ["d1", "d1"]
    assert list(absorbed[1].places()) == [("/", "ANY"), ("/{proxy+}", "ANY")]
    assert "deployment d1 cannot be read" in caplog.text
    assert "mean the same" in caplog.text


def test_what_could_not_be_absorbed_is_tried_again() -> None:
    _, parts = made()
    shelf = filled(parts)
    absorbed: list[RecordedDeployment] = []

    def failing(_deployment: RecordedDeployment) -> Generator[None, None, None]:
        yield
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        finish(join(1, shelf.select(digests_of(parts)), failing))
    finish(join(1, shelf.select(digests_of(parts)), absorbing(absorbed)))

    assert len(absorbed) == 1


def test_a_deployment_that_cannot_be_read_holds_back_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, parts = made()
    frames = (b'[["deployment", {"id": "d2", "unheardOf": 1}]]',)
    odd = Part("deployment/d2", digest_of_frames(frames), frames)
    parts[odd.key] = odd
    absorbed: list[RecordedDeployment] = []

    joined = finish(join(1, filled(parts).select(digests_of(parts)), absorbing(absorbed)))

    assert joined.deployments.keys() == {"d1", "d2"}
    assert [each.deployment.id for each in absorbed] == ["d1", "d2"]
    assert list(absorbed[1].places()) == [("/", "ANY"), ("/{proxy+}", "ANY")]
    assert "deployment d2 cannot be read" in caplog.text


def test_parts_of_no_release_are_dropped() -> None:
    _, parts = made()
    shelf = filled(parts)
    shelf.put(dataclasses.replace(parts["api/shop"], key="api/old"))
    shelf.select(digests_of(parts))

    assert shelf.digests == digests_of(parts)


def test_a_missing_part_is_an_error() -> None:
    _, parts = made()
    shelf = filled(parts)

    with pytest.raises(ConfigurationError, match="api/cats: is missing"):
        shelf.select({**digests_of(parts), "api/cats": "x"})


def test_a_damaged_part_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        PartShelf().put(Part("api/shop", "abc", (b"[]",)))


def test_a_release_in_the_making_is_not_disturbed_by_newer_parts() -> None:
    one, parts = made()
    shelf = filled(parts)
    held = shelf.select(digests_of(parts))
    shelf.put(encode_release(dataclasses.replace(one, region="elsewhere"))["settings"])

    assert finish(join(1, held, absorbing([]))).region == one.region
