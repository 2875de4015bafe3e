"""Facts about what control begins with."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.control.persist import last_good_release, load_last_good, release_directory
from gateway.release.disk import ReleaseStore
from gateway.release.encode import encode_release
from gateway.release.parts import Part, digest_of_frames
from gateway.settings import Settings, Throttle
from tests.builders import api, mock, release

MADE = release(api({"/pets": {"GET": mock()}}), revision=5)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


def save(settings: Settings) -> None:
    ReleaseStore(release_directory(settings)).save(5, "run", encode_release(MADE))


def test_without_a_last_good_release_it_begins_with_an_empty_one(settings: Settings) -> None:
    last_good = load_last_good(settings)

    assert (last_good.release.revision, last_good.release.stages, last_good.run) == (0, {}, "")
    assert last_good.release.region == settings.region


def test_the_last_good_release_is_taken_up_with_the_settings_of_now(settings: Settings) -> None:
    save(settings)
    now = replace(
        settings,
        region="mars-north-1",
        throttle=Throttle(account_rate_limit=5.0, account_burst_limit=7),
    )
    last_good = load_last_good(now)

    assert last_good.release.stages == MADE.stages
    assert (last_good.release.revision, last_good.run) == (5, "run")
    assert last_good.release.region == "mars-north-1"
    assert last_good.release.account_burst_limit == 7
    decoded = last_good_release(now)
    assert decoded.deployments == MADE.deployments
    assert replace(decoded, deployments={}) == replace(last_good.release, deployments={})


def test_what_is_damaged_is_ignored_with_a_warning(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    save(settings)
    part = encode_release(MADE)["deployment/d1"]
    (release_directory(settings) / "parts" / part.digest).write_bytes(b"?")

    assert last_good_release(settings).stages == {}
    assert "api/shop" in caplog.text


def test_a_deployment_that_cannot_be_read_is_not_known(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    parts = encode_release(MADE)
    frames = (b'[["deployment", {"id": "d1"}]]',)
    odd = Part("deployment/d1", digest_of_frames(frames), frames)
    ReleaseStore(release_directory(settings)).save(5, "run", {**parts, odd.key: odd})

    last_good = load_last_good(settings)

    assert last_good.release.stages == {}
    assert last_good.parts.keys() == parts.keys() - {odd.key}
    assert "does not fit this version" in caplog.text
