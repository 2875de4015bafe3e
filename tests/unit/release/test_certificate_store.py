"""Facts about the copies of certificates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.release.certificate_store import CertificateStore


def test_a_copy_is_its_owner_s_alone(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path / "data")
    assert not store.has("ab12")

    store.put("ab12", b"secret")

    path = store.path("ab12")
    assert store.has("ab12")
    assert path.read_bytes() == b"secret"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_copy_s_name_is_as_durable_as_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", fsync)
    store = CertificateStore(tmp_path)
    store.put("ab12", b"secret")
    store.put("cd34", b"secret")

    here = tmp_path / "tls"
    assert synced == [tmp_path, here / "ab12.new", here, here / "cd34.new", here]


def test_a_copy_is_written_once(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path)
    store.put("ab12", b"one")

    store.put("ab12", b"two")

    assert store.path("ab12").read_bytes() == b"one"


def test_a_write_that_was_cut_short_is_in_nobody_s_way(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path)
    store.put("other", b"x")
    store.path("ab12").with_suffix(".new").write_bytes(b"half")

    store.put("ab12", b"whole")

    assert store.path("ab12").read_bytes() == b"whole"


def test_others_are_removed(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path)
    store.keep(())
    for digest in ("a", "b", "c"):
        store.put(digest, b"x")

    store.keep({"a", "c", "never there"})

    assert [store.has(digest) for digest in ("a", "b", "c")] == [True, False, True]


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(OSError, match="data"):
        CertificateStore(tmp_path / "data").put("a", b"x")
