"""Facts about what counts as a change of a config directory, and that changes are seen."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.configuration import watcher
from gateway.configuration.watcher import Watcher, fingerprint
from gateway.server.tasks import spawn


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    (directory / "apis").mkdir(parents=True)
    (directory / "apis" / "pets.yaml").write_text("one")
    return directory


def test_content_size_and_renames_over_a_file_show(config: Path) -> None:
    pets = config / "apis" / "pets.yaml"
    seen = {fingerprint(config)}
    pets.write_text("longer")
    seen.add(fingerprint(config))
    (config / "apis" / "beside").write_text("longer")
    (config / "apis" / "beside").rename(pets)
    seen.add(fingerprint(config))
    os.utime(pets, ns=(1, 1))
    seen.add(fingerprint(config))

    assert len(seen) == 4


def test_what_editors_leave_behind_does_not_show(config: Path) -> None:
    before = fingerprint(config)
    for name in (".pets.yaml.swp", "pets.yaml~", "#pets.yaml#"):
        (config / "apis" / name).write_text("x")

    assert fingerprint(config) == before


def test_a_swapped_symlink_shows(config: Path) -> None:
    for name in ("..1", "..2"):
        (config / name).mkdir()
        (config / name / "cats.yaml").write_text(name)
    (config / "..data").symlink_to("..1")
    (config / "apis" / "cats.yaml").symlink_to("../..data/cats.yaml")
    before = fingerprint(config)
    (config / "..new").symlink_to("..2")
    (config / "..new").rename(config / "..data")

    assert fingerprint(config) != before


def test_a_link_to_nowhere_and_a_missing_directory_are_looked_at_calmly(config: Path) -> None:
    (config / "apis" / "lost.yaml").symlink_to("nowhere")

    assert str(config / "apis" / "lost.yaml") in {path for path, *_ in fingerprint(config)}
    assert fingerprint(config / "absent") == frozenset()


def test_a_link_to_nowhere_that_was_read_and_goes_shows(config: Path) -> None:
    lost = config / "apis" / "lost.yaml"
    lost.symlink_to("nowhere")
    before = fingerprint(config, [lost])
    lost.unlink()

    assert fingerprint(config, [lost]) != before


def test_links_in_a_circle_end(config: Path) -> None:
    (config / "circle").symlink_to(".")

    assert len(fingerprint(config)) == 1


def test_files_outside_are_looked_at_too(config: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("x")
    before = fingerprint(config, [outside])
    outside.write_text("longer")

    assert fingerprint(config, [outside]) != before


def test_so_many_files_are_not_watched(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "FILES_MAX", 3)
    for number in range(9):
        (config / f"{number}.yaml").write_text("x")

    assert len(fingerprint(config)) == 3


class Watching:
    """Counts the changes that a watcher tells."""

    def __init__(self, config: Path) -> None:
        self.watcher = Watcher(config)
        self.count = 0
        self._is_new = asyncio.Event()

    async def run(self) -> None:
        async for _ in self.watcher.changes():
            self.count += 1
            self._is_new.set()

    async def change(self) -> None:
        async with asyncio.timeout(20):
            await self._is_new.wait()
        self._is_new.clear()


@pytest.fixture
async def watching(config: Path) -> AsyncIterator[Watching]:
    watching = Watching(config)
    running = spawn(watching.run(), "watch")
    await asyncio.sleep(0)
    yield watching
    running.cancel()
    await asyncio.wait([running])


async def test_a_changed_file_is_told(watching: Watching, config: Path) -> None:
    # Of another size: kernels before 6.13 may give two writes within 4 ms the same time.
    (config / "apis" / "pets.yaml").write_text("longer")

    await watching.change()


async def test_a_directory_that_goes_and_comes_back_is_told_both_times(
    watching: Watching, config: Path
) -> None:
    config.rename(config.with_name("aside"))  # noqa: ASYNC240 (at once)
    await watching.change()
    config.with_name("aside").rename(config)
    await watching.change()
    (config / "apis" / "pets.yaml").write_text("three")

    await watching.change()


async def test_a_change_that_nobody_reports_is_found_by_looking(
    watching: Watching, config: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.yaml"
    watching.watcher.extra = (outside,)
    await watching.change()
    outside.write_text("x")

    await watching.change()


def test_a_link_to_itself_is_a_broken_file_like_any_other(config: Path) -> None:
    before = fingerprint(config)
    (config / "loop").symlink_to("loop")

    assert fingerprint(config) != before
