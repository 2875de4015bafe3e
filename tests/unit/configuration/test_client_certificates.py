"""Facts about client certificates as files: what is read, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from gateway import configuration
from gateway.configuration import client_certificates
from gateway.configuration.client_certificates import LoadedCertificates, load_client_certificates
from tests.backend_certificates import Pair, authority, issued

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str) -> Path:
        path = tmp_path / "client-certificates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o600)
        return path

    return write


def load(tmp_path: Path) -> LoadedCertificates:
    return load_client_certificates(tmp_path)


def encrypted(pair: Pair) -> str:
    return pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    ).decode()


def test_without_the_directory_there_are_none(tmp_path: Path) -> None:
    assert load(tmp_path) == LoadedCertificates()


def test_pair_of_files_one_file_and_a_managers_directory_are_all_the_same(
    tmp_path: Path, write: Write
) -> None:
    pair = issued()
    write("two.pem", pair.pem)
    write("two.key", pair.key_pem)
    write("one.pem", pair.key_pem + pair.pem)
    write("managed/tls.crt", pair.pem)
    write("managed/tls.key", pair.key_pem)
    loaded = load(tmp_path)

    assert loaded.problems == ()
    assert sorted(loaded.certificates) == ["managed", "one", "two"]
    assert len({each.digest for each in loaded.certificates.values()}) == 1
    assert loaded.certificates["two"] == pair.client("two")
    assert len(loaded.files) == 5


def test_key_that_everybody_can_read_is_warned_of(tmp_path: Path, write: Write) -> None:
    pair = issued()
    write("a.pem", pair.pem).chmod(0o644)
    key = write("a.key", pair.key_pem)
    assert load(tmp_path).problems == ()
    key.chmod(0o644)
    loaded = load(tmp_path)

    (problem,) = loaded.problems
    assert (problem.severity, problem.file) == ("warning", str(key))
    assert "chmod 600" in problem.message
    assert list(loaded.certificates) == ["a"]


def test_issuers_follow_the_certificate(tmp_path: Path, write: Write) -> None:
    pair = issued()
    write("a.pem", f"Bag attributes\n{pair.pem}{authority().pem}{pair.key_pem}")

    assert load(tmp_path).certificates["a"].certificate == pair.pem + authority().pem


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "empty": ({"a.pem": ""}, "holds no certificate"),
    "no key": ({"a.pem": issued().pem}, "needs one private key, in this file or in a.key"),
    "two keys": (
        {"a.pem": issued().pem + issued().key_pem, "a.key": issued().key_pem},
        "a.key must hold one private key, as PEM; it holds 2",
    ),
    "another's key": (
        {"a.pem": issued().pem, "a.key": issued().key_pem},
        "the private key is not that of the (first) certificate",
    ),
    "encrypted": ({"a.pem": issued().pem, "a.key": encrypted(issued())}, "is encrypted"),
    "no certificate inside": (
        {"a.pem": "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----"
                  + issued().key_pem},
        "holds a certificate that cannot be read",
    ),
    "no key inside": (
        {"a.pem": issued().pem
                  + "-----BEGIN PRIVATE KEY-----\nbm8=\n-----END PRIVATE KEY-----"},
        "holds a private key that cannot be read",
    ),
    "too large": ({"a.pem": "x" * 300_000}, "has more than 262144 bytes"),
    "half a directory": ({"a/tls.crt": issued().pem}, "tls.key cannot be read: No such file"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pair_is_one_problem_and_holds_back_no_other(
    tmp_path: Path, write: Write, name: str
) -> None:
    files, text = BROKEN[name]
    other = issued()
    write("other.pem", other.pem + other.key_pem)
    for file, content in files.items():
        write(file, content)
    loaded = load(tmp_path)
    (problem,) = loaded.problems

    assert text in problem.message
    assert problem.severity == "error"
    assert loaded.broken == {"a"}
    assert set(loaded.certificates) == {"other"}
    assert not [
        line for line in files.values() if line and line.splitlines()[1:2] == [str(problem)]
    ]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.key", "belongs to no certificate"),
        ("a.crt", "belongs to no certificate"),
        ("a b.pem", "names no certificate"),
    ],
)
def test_stray_file_is_named(tmp_path: Path, write: Write, file: str, text: str) -> None:
    write(file, "")
    (problem,) = load(tmp_path).problems

    assert text in problem.message
    assert problem.file is not None
    assert problem.file.endswith(file)


def test_name_is_given_once(tmp_path: Path, write: Write) -> None:
    pair = issued()
    write("a.pem", pair.pem + pair.key_pem)
    write("a/tls.crt", pair.pem)
    write("a/tls.key", pair.key_pem)
    loaded = load(tmp_path)

    assert "has the name a too" in loaded.problems[0].message
    assert set(loaded.certificates) == {"a"}


def test_hidden_files_are_nobodys(tmp_path: Path, write: Write) -> None:
    write(".a.pem.new", "")
    write("..data/a.pem", "")

    assert load(tmp_path) == LoadedCertificates()


def test_number_is_bounded(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_certificates, "CERTIFICATES", 1)
    pair = issued()
    for name in "abc":
        write(f"{name}.pem", pair.pem + pair.key_pem)
    loaded = load(tmp_path)

    assert len(loaded.certificates) == 2
    assert "holds more than 1 certificates" in loaded.problems[-1].message


def test_directory_that_is_none_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "client-certificates").write_text("")
    loaded = load(tmp_path)

    assert loaded.is_unreadable
    assert "cannot be listed" in loaded.problems[0].message


def test_they_are_loaded_with_everything_else(tmp_path: Path, write: Write) -> None:
    pair = issued()
    path = write("a.pem", pair.pem + pair.key_pem)
    loaded = configuration.load(tmp_path)

    assert loaded.client_certificates.certificates == {"a": pair.client("a")}
    assert path in loaded.files
