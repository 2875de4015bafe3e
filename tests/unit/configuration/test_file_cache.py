"""Facts about API files that are not read again."""

import os
from pathlib import Path

import pytest

from gateway.configuration import load
from gateway.configuration.api_file import ApiFile, load_api_file
from gateway.configuration.file_cache import ApiFileCache
from tests.running_gateway import pets

LONG_AFTER = 4e9
"""Seconds since 1970, past everything that a test writes."""


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "apis" / "versions").mkdir(parents=True)
        self.epoch = LONG_AFTER
        self.read: list[str] = []
        self.cache = ApiFileCache(lambda: self.epoch, self._load)

    def _load(self, path: Path, directory: Path) -> ApiFile:
        self.read.append(path.name)
        return load_api_file(path, directory)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / "apis" / name
        path.write_text(text)
        return path

    def load(self, name: str = "pets.yaml") -> ApiFile:
        return self.cache.load_api_file(self.directory / "apis" / name, self.directory)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.write("pets.yaml", pets())
    return bench


def test_an_unchanged_file_is_read_once(bench: Bench) -> None:
    first, second = bench.load(), bench.load()

    assert bench.read == ["pets.yaml"]
    assert second == first


def test_a_changed_file_is_read_again(bench: Bench) -> None:
    first = bench.load()
    bench.write("pets.yaml", pets("another"))
    second = bench.load()

    assert bench.read == ["pets.yaml"] * 2
    assert second != first


def test_a_file_of_the_same_size_and_time_is_still_another_file(bench: Bench) -> None:
    bench.load()
    path = bench.directory / "apis" / "pets.yaml"
    times = path.stat().st_mtime_ns
    beside = bench.write("beside", pets("two"))
    os.utime(beside, ns=(times, times))
    beside.rename(path)
    bench.load()

    assert bench.read == ["pets.yaml"] * 2


def test_a_file_that_changed_just_now_is_not_trusted(bench: Bench) -> None:
    path = bench.directory / "apis" / "pets.yaml"
    bench.epoch = path.stat().st_ctime_ns / 1e9 + 0.5
    bench.load()
    bench.load()

    assert bench.read == ["pets.yaml"] * 2


def test_a_changed_version_counts_as_a_change_of_its_api(bench: Bench) -> None:
    definition, _, _ = pets("old").partition("stages:")
    bench.write("versions/old.yaml", definition)
    bench.write("pets.yaml", pets().replace("prod: {}", "prod: {definition: versions/old.yaml}"))
    first = bench.load()
    bench.load()
    bench.write("versions/old.yaml", definition.replace("old", "older"))
    second = bench.load()

    assert bench.read == ["pets.yaml"] * 2
    assert second != first


def test_a_file_that_cannot_be_read_is_tried_each_time(bench: Bench) -> None:
    for _ in range(2):
        assert bench.load("absent.yaml").api is None

    assert bench.read == ["absent.yaml"] * 2


def test_what_is_wrong_between_files_does_not_stick(bench: Bench) -> None:
    twin = bench.write("twin.yaml", pets().replace("name: Pets", "name: Pets, id: pets"))
    assert load(bench.directory, bench.cache.load_api_file).broken == {"pets"}
    twin.unlink()
    loaded = load(bench.directory, bench.cache.load_api_file)

    assert (loaded.broken, loaded.problems) == (frozenset(), ())
    assert bench.read.count("pets.yaml") == 1


def test_files_that_are_gone_are_forgotten(bench: Bench) -> None:
    bench.load()
    bench.cache.forget_others(set())

    assert repr(bench.cache) == "<ApiFileCache 0 files>"
