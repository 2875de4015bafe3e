"""Facts about deployments that are read as far as routing needs it."""

import dataclasses
import tracemalloc

import orjson
import pytest

from gateway.definitions.rest_api import Resource
from gateway.errors import ConfigurationError
from gateway.release.encode import encode_deployment
from gateway.release.parts import Part, digest_of_frames
from gateway.release.recorded import RecordedDeployment, read_deployment, unreadable
from gateway.snapshot import finish
from tests.builders import api, mock, proxy, release

PETS = api(
    {
        "/pets": {"GET": mock(200, "one"), "POST": mock(200, "one")},
        "/pets/{id}": {"ANY": proxy()},
    }
)
MADE = dataclasses.replace(release(PETS).deployments["d1"], created_date=12.5)


def read(*records: object) -> RecordedDeployment:
    frames = (orjson.dumps(list(records)),)
    return finish(read_deployment(Part("deployment/d1", digest_of_frames(frames), frames)))


HEAD = ["deployment", {"id": "d1", "apiId": "shop", "definition": {"restApi": {"name": "Shop"}}}]
METHOD = ["method", {}]


def test_what_is_read_late_is_what_was_recorded() -> None:
    recorded = finish(read_deployment(encode_deployment(MADE)))
    methods = [each.methods for each in PETS.resources]

    assert recorded.deployment == dataclasses.replace(
        MADE, definition=dataclasses.replace(PETS, resources=())
    )
    assert list(recorded.places()) == [
        ("/pets", "GET"),
        ("/pets", "POST"),
        ("/pets/{id}", "ANY"),
    ]
    assert recorded.method(0) == methods[0]["GET"]
    assert recorded.method(2) == methods[1]["ANY"]
    assert recorded.resource(2) == (Resource(path="/pets/{id}"), "ANY")
    assert repr(recorded) == "<RecordedDeployment d1, 3 methods>"


def test_equal_methods_have_one_number_and_one_text() -> None:
    recorded = finish(read_deployment(encode_deployment(MADE)))

    assert recorded.number(0) == recorded.number(1) != recorded.number(2)
    assert len([each for each in recorded.pieces() if isinstance(each, bytes)]) == 2


def test_a_text_is_kept_until_all_its_methods_were_read() -> None:
    recorded = finish(read_deployment(encode_deployment(MADE)))
    recorded.forget(0)
    assert recorded.method(1) == PETS.resources[0].methods["POST"]
    recorded.forget(1)

    assert next(each for each in recorded.pieces() if isinstance(each, bytes)) == b""
    assert recorded.method(2) == PETS.resources[1].methods["ANY"]


def test_a_text_takes_as_much_memory_as_it_is_long() -> None:
    """What orjson returns may keep the block of 4 KiB that it was written into."""
    recorded = RecordedDeployment(MADE)
    tracemalloc.start()
    try:
        for number in range(100):
            recorded.add_text({"operationName": f"method {number}"})
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 100 * 500


def test_an_id_that_clients_saw_is_kept() -> None:
    recorded = read(HEAD, METHOD, ["resource", {"GET": 0}, {"path": "/a", "id": "abc123"}])

    assert recorded.resource(0) == (Resource(path="/a", id="abc123"), "GET")


def test_a_method_of_another_version_is_told_with_its_place() -> None:
    recorded = read(
        HEAD,
        ["method", {"unheardOf": 1}],
        METHOD,
        ["resource", {"GET": 0, "PUT": 1}, {"path": "/a"}],
    )

    with pytest.raises(ConfigurationError, match=r"resources\./a\.GET.*unheardOf"):
        recorded.method(0)
    assert recorded.method(1).integration is None


@pytest.mark.parametrize(
    "records",
    [
        [],
        [1],
        [[]],
        [METHOD],
        [["deployment", {}]],
        [HEAD, ["unheardOf", 1]],
        [HEAD, HEAD],
        [HEAD, METHOD, ["resource", {"GET": 0}, {"path": "/a", "unheardOf": 1}]],
        [HEAD, METHOD, ["resource", {"GET": 0}, {"path": []}]],
        [HEAD, METHOD, ["resource", {"GET": 0}, {"path": "/a", "id": []}]],
        [HEAD, METHOD, ["resource", {"GET": 0}, {}]],
        [HEAD, METHOD, ["resource", {"GET": 0}, []]],
        [HEAD, METHOD, ["resource", {"GET": 1}, {"path": "/a"}]],
        [HEAD, METHOD, ["resource", {"GET": -1}, {"path": "/a"}]],
        [HEAD, METHOD, ["resource", {"GET": "0"}, {"path": "/a"}]],
        [HEAD, METHOD, ["resource", {"path": "/a"}]],
    ],
)
def test_what_is_no_deployment_is_an_error_that_names_it(records: list[object]) -> None:
    with pytest.raises(ConfigurationError, match="deployment/d1"):
        read(*records)


def test_what_is_not_json_is_an_error() -> None:
    part = Part("deployment/d1", digest_of_frames([b"["]), (b"[",))

    with pytest.raises(ConfigurationError, match=r"deployment/d1.*does not fit"):
        finish(read_deployment(part))


def test_reading_stops_between_records() -> None:
    definition = api({f"/r{index}": {"GET": mock()} for index in range(50)})
    part = encode_deployment(release(definition).deployments["d1"])

    # The deployment's own, one method, fifty resources.
    assert sum(1 for _ in read_deployment(part)) == 52


COUNT = 600
"""More than are compared in one step."""


def many(*, last: str = "GET", path: str = "/last", answer: str = "") -> RecordedDeployment:
    paths = {f"/r{index}": {"GET": mock(200, answer)} for index in range(COUNT - 1)}
    definition = api(paths | {path: {last: mock(200, answer)}})
    part = encode_deployment(release(definition).deployments["d1"])
    return finish(read_deployment(part))


def test_deployments_with_the_same_methods_share_the_list_of_them() -> None:
    one, two = many(), many(answer="changed")
    steps = two.share_places(one)

    assert sum(1 for _ in steps) == 3
    assert {id(each) for each in one.pieces() if isinstance(each, str)} == {
        id(each) for each in two.pieces() if isinstance(each, str)
    }
    assert two.method(0) != one.method(0)


@pytest.mark.parametrize(
    "other",
    [RecordedDeployment(MADE), many(last="PUT"), many(path="/other")],
    ids=["fewer", "other verb", "other path"],
)
def test_deployments_with_other_methods_share_nothing(other: RecordedDeployment) -> None:
    one = many()

    assert not finish(other.share_places(one))
    assert finish(one.share_places(many()))


def test_what_cannot_be_read_has_methods_everywhere_and_none_does_anything() -> None:
    recorded = unreadable("d1")

    assert list(recorded.places()) == [("/", "ANY"), ("/{proxy+}", "ANY")]
    assert [recorded.method(index).integration for index in range(2)] == [None, None]
