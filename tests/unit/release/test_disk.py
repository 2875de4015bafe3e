"""Facts about the last good release on disk."""

import dataclasses
from pathlib import Path

import pytest

from gateway.release.disk import ReleaseStore
from gateway.release.encode import encode_release
from tests.backend_certificates import self_signed
from tests.builders import api, mock, release

PARTS = encode_release(release(api({"/pets": {"GET": mock(200, "one")}})))
OTHER = encode_release(release(api({"/pets": {"GET": mock(200, "two")}})))


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    store = ReleaseStore(tmp_path / "release")
    store.save(3, "run", PARTS)
    return store


def parts_of(store: ReleaseStore) -> Path:
    return store._directory / "parts"


def test_what_was_saved_is_loaded(store: ReleaseStore) -> None:
    stored = store.load()

    assert stored is not None
    assert (stored.revision, stored.run, stored.parts) == (3, "run", PARTS)


def test_without_a_release_there_is_none(tmp_path: Path) -> None:
    assert ReleaseStore(tmp_path / "absent").load() is None


def test_parts_that_nobody_names_go(store: ReleaseStore) -> None:
    store.save(4, "run", OTHER)

    assert {path.name for path in parts_of(store).iterdir()} == {
        part.digest for part in OTHER.values()
    }


def test_parts_that_are_there_are_not_written_again(store: ReleaseStore) -> None:
    before = {path.name: path.stat().st_ino for path in parts_of(store).iterdir()}
    store.save(4, "run", PARTS)

    assert {path.name: path.stat().st_ino for path in parts_of(store).iterdir()} == before


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b'{"format": 99, "revision": 1, "run": "x", "parts": {}}',
        b'{"format": 1, "revision": 1, "run": "x", "parts": {"a": "../../etc/passwd"}}',
    ],
)
def test_a_damaged_manifest_is_ignored(store: ReleaseStore, manifest: bytes) -> None:
    (store._directory / "manifest.json").write_bytes(manifest)

    assert store.load() is None


def test_damaged_and_missing_parts_are_left_out(store: ReleaseStore) -> None:
    (parts_of(store) / PARTS["domains"].digest).write_bytes(b"?")
    (parts_of(store) / PARTS["settings"].digest).unlink()
    stored = store.load()

    assert stored is not None
    assert set(stored.parts) == {"api/shop", "deployment/d1"}


def test_the_previous_release_can_be_kept(store: ReleaseStore) -> None:
    store.keep_previous()
    store.save(4, "run", OTHER)
    kept = ReleaseStore(store._directory / "previous").load()
    assert kept is not None
    assert (kept.revision, kept.parts) == (3, PARTS)

    store.keep_previous()
    store.keep_previous()
    kept = ReleaseStore(store._directory / "previous").load()
    assert kept is not None
    assert (kept.revision, kept.parts) == (4, OTHER)
    current = store.load()
    assert current is not None
    assert current.revision == 4


def test_without_a_release_there_is_none_to_keep(tmp_path: Path) -> None:
    ReleaseStore(tmp_path / "release").keep_previous()

    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_a_release(tmp_path: Path) -> None:
    ReleaseStore(tmp_path / "data" / "release").save(1, "run", PARTS)

    made = [tmp_path / "data" / name for name in ("", "release", "release/parts")]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o750}


def test_part_with_private_keys_is_the_gateways_alone(tmp_path: Path) -> None:
    secret = dataclasses.replace(
        release(api({"/pets": {"GET": mock(200, "one")}})),
        client_certificates={"partner": self_signed().client("partner")},
    )
    store = ReleaseStore(tmp_path / "release")
    # Left by a process that was killed, and readable.
    (tmp_path / "release/parts").mkdir(parents=True)
    parts = encode_release(secret)
    (parts_of(store) / f"{parts['connections'].digest}.new").touch(0o644)
    store.save(1, "run", parts)
    store.keep_previous()

    for place in (parts_of(store), tmp_path / "release/previous/parts"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in place.iterdir()}
        assert {key: oct(modes[part.digest]) for key, part in parts.items() if part.is_secret} == {
            "connections": "0o600"
        }
        assert modes[parts["domains"].digest] == 0o640
