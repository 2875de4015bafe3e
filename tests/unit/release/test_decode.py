"""Facts about releases put together from their parts, and from what is left of them."""

import orjson
import pytest

from gateway.errors import ConfigurationError
from gateway.release.decode import salvage_release
from gateway.release.encode import encode_release
from tests.unit.release.releases import broken, decoded, whole


def test_a_release_survives_the_journey() -> None:
    made = whole()

    assert decoded(encode_release(made)) == made


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"{", "is not JSON"),
        (b'[["surprise", 1]]', "unknown kind"),
        (b'[["stage", "dev", {"surprise": 1}]]', "unknown key"),
    ],
)
def test_what_does_not_fit_this_version_is_refused(frame: bytes, message: str) -> None:
    parts = encode_release(whole())
    parts["api/shop"] = broken(parts["api/shop"], (frame,))

    with pytest.raises(ConfigurationError, match=message):
        decoded(parts)


def test_a_stage_without_its_deployment_is_refused() -> None:
    parts = encode_release(whole())
    del parts["deployment/d2"]

    with pytest.raises(ConfigurationError, match="deployment d2 is missing"):
        decoded(parts)


def test_what_is_left_of_a_damaged_release_is_salvaged() -> None:
    made = whole()
    parts = encode_release(made)
    parts["api/shop"] = broken(parts["api/shop"], (b"?",))
    salvaged, problems = salvage_release(7, parts)

    assert (salvaged.revision, salvaged.stages) == (7, {})
    assert salvaged.domains == made.domains
    assert len(problems) == 1


def test_an_api_with_a_lost_deployment_is_not_salvaged() -> None:
    parts = encode_release(whole())
    del parts["deployment/d2"]
    salvaged, problems = salvage_release(7, parts)

    assert salvaged.stages == {}
    assert [str(problem) for problem in problems] == ["api/shop: deployments are missing: d2"]


@pytest.mark.parametrize("number", [-1, 7])
def test_a_reference_to_a_method_that_is_not_there_is_refused(number: int) -> None:
    parts = encode_release(whole())
    record = orjson.dumps([["resource", {"GET": number}, {"path": "/pets"}]])
    parts["deployment/d1"] = broken(parts["deployment/d1"], (record,))

    with pytest.raises(ConfigurationError, match="a method that is not there"):
        decoded(parts)
