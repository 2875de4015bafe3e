"""What domains are served with over TLS, in releases of files and store together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway import configuration
from gateway.configuration.keyring import Keyring
from gateway.configuration.loaded import Loaded
from gateway.definitions.domain import DomainName, SecurityPolicy
from gateway.release import Release
from gateway.release.certificate_store import CertificateStore
from gateway.release.decode import salvage_release
from gateway.release.encode import encode_release
from gateway.release.parts import CERTIFICATES
from gateway.reload import Capacities, Reloader, ReloadReport, differences
from gateway.settings import Settings
from gateway.store.account_wide import AccountWide
from tests.certificates import Authority
from tests.running_gateway import pets

EMPTY = Release(revision=0, digest="", region="us-east-1", account="000000000000")
ROOMY = Capacities(buckets=100, blocks=100)
AUTHORITY = Authority()
FILED, STORED = "a.example.com", "b.example.com"
NOW = AUTHORITY.parsed.not_valid_before_utc.timestamp() + 86_400


class World:
    """A reloader with real files."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "config"
        (self.config / "apis").mkdir(parents=True)
        (self.config / "apis/pets.yaml").write_text(pets())
        (self.config / "domains.yaml").write_text(f"{FILED}: {{certificateFile: a.pem}}\n")
        settings = Settings(config=self.config, data=directory / "data")
        store = CertificateStore(settings.data)
        self.keyring = Keyring(settings, lambda: NOW, store, is_listening=True)
        self.reloader = Reloader(EMPTY, ROOMY, certify=self.keyring.certify)

    def issue(self, name: str, path: str) -> float:
        issued = AUTHORITY.server(name)
        (self.config / path).parent.mkdir(exist_ok=True)
        issued.write_whole(self.config / path)
        return issued.parsed.not_valid_after_utc.timestamp()

    def load(self) -> Loaded:
        return configuration.load(self.config)

    def reload(self) -> ReloadReport:
        return self.reloader.apply(self.load())

    def served(self) -> dict[str, str]:
        """What the release names, which is what its parts say."""
        release = self.reloader.release
        assert encode_release(release) == self.reloader.parts
        decoded, problems = salvage_release(release.revision, self.reloader.parts)
        assert not problems
        assert decoded.certificates == release.certificates
        return {name: each.certificate for name, each in release.certificates.items()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def stored(name: str = "b") -> DomainName:
    return DomainName(
        domain_name=STORED, regional_certificate_arn=f"arn:aws:acm:::certificate/{name}"
    )


def test_a_rotation_is_a_release_and_nothing_else_of_it_changes(world: World) -> None:
    world.issue(FILED, "a.pem")
    assert world.reload().is_changed
    before, parts = world.reloader.release, dict(world.reloader.parts)
    assert not world.reload().is_changed

    not_after = world.issue(FILED, "a.pem")
    assert world.reload().is_changed

    after = world.reloader.release
    assert {key for key, part in world.reloader.parts.items() if part != parts[key]} == {
        CERTIFICATES
    }
    assert after.certificates[FILED].not_after == not_after
    assert world.served()[FILED] != before.certificates[FILED].certificate
    (difference,) = differences(before, after)
    assert str(difference).startswith(f"certificate {FILED} changed: expires on ")


def test_a_broken_file_is_an_error_that_holds_nothing_else_back(world: World) -> None:
    world.issue(FILED, "a.pem")
    world.reload()
    before = world.served()
    (world.config / "a.pem").write_text("")
    (world.config / "apis/pets.yaml").write_text(pets("two"))

    report = world.reload()

    assert report.is_changed
    assert not report.is_ok
    assert [Path(str(problem.file)).name for problem in report.errors] == ["a.pem"]
    assert world.served() == before


def test_what_the_store_names_is_served_and_a_missing_file_only_warns(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.issue(FILED, "a.pem")
    world.reload()

    assert world.reloader.apply_stored({}, AccountWide(domains=(stored(),)))
    assert list(world.served()) == [FILED]
    assert "certificates/b.pem: b.example.com.certificateFile: is not there" in caplog.text
    assert world.reload().is_ok
    world.issue(STORED, "certificates/b.pem")
    assert world.reload().is_changed
    assert list(world.served()) == [FILED, STORED]
    # A change in the store that has nothing to do with it costs no look at files.
    (world.config / "certificates/b.pem").unlink()
    world.reloader.apply_stored({})
    assert list(world.served()) == [FILED, STORED]
    assert world.reloader.apply_stored({}, AccountWide(domains=()))
    assert list(world.served()) == [FILED]


def test_without_certificates_there_is_no_part_of_them(world: World) -> None:
    world.reloader.apply_stored({}, AccountWide(domains=(stored(),)))
    assert CERTIFICATES not in world.reloader.parts
    world.issue(STORED, "certificates/b.pem")
    other = replace(stored(), security_policy=SecurityPolicy.TLS_1_0)
    world.reloader.apply_stored({}, AccountWide(domains=(other,)))
    assert list(world.served()) == [STORED]

    world.reloader.apply_stored({}, AccountWide(domains=()))
    assert CERTIFICATES not in world.reloader.parts


def test_a_restart_begins_with_what_was_good(world: World) -> None:
    world.issue(FILED, "a.pem")
    world.reload()
    before = world.served()
    (world.config / "a.pem").unlink()
    salvaged, _ = salvage_release(1, world.reloader.parts)

    world.reloader = Reloader(
        replace(salvaged, region="us-east-1"), ROOMY, world.reloader.parts, world.keyring.certify
    )
    world.reload()

    assert world.served() == before
