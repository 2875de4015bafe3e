"""Custom domain names of files and store in one release; files win."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import configuration
from gateway.configuration.loaded import Loaded
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.release import Release
from gateway.release.decode import decode_whole_part, join_release, salvage_release
from gateway.release.encode import encode_release
from gateway.reload import Capacities, Reloader
from gateway.snapshot.slices import finish
from gateway.store.account_wide import AccountWide
from tests.running_gateway import pets

EMPTY = Release(revision=0, digest="", region="us-east-1", account="000000000000")
ROOMY = Capacities(buckets=100, blocks=100)
FILE = "a.example.com: {basePathMappings: [{restApiId: pets, stage: prod}]}\n"


def domain(name: str, api_id: str = "x") -> DomainName:
    return DomainName(domain_name=name, base_path_mappings=(BasePathMapping(rest_api_id=api_id),))


@pytest.fixture
def reloader() -> Reloader:
    return Reloader(EMPTY, ROOMY)


def loaded(tmp_path: Path, domains: str = FILE) -> Loaded:
    (tmp_path / "apis").mkdir(exist_ok=True)
    (tmp_path / "apis" / "pets.yaml").write_text(pets())
    (tmp_path / "domains.yaml").write_text(domains)
    return configuration.load(tmp_path)


def named(reloader: Reloader) -> list[str]:
    """The names in the release, which is what its parts say."""
    release = reloader.release
    assert encode_release(release) == reloader.parts
    decoded, problems = salvage_release(release.revision, reloader.parts)
    assert not problems
    assert decoded.domains == release.domains
    return [
        f"{each.domain_name} {each.base_path_mappings[0].rest_api_id}" for each in release.domains
    ]


def test_domains_come_change_and_go(reloader: Reloader) -> None:
    assert reloader.apply_stored({}, AccountWide(domains=(domain("b.example.com"),)))
    assert named(reloader) == ["b.example.com x"]
    assert not reloader.apply_stored({}, AccountWide(domains=(domain("b.example.com"),)))
    assert reloader.apply_stored({}, AccountWide(domains=(domain("b.example.com", "y"),)))
    assert named(reloader) == ["b.example.com y"]
    assert reloader.apply_stored({}, AccountWide(domains=()))
    assert named(reloader) == []
    assert reloader.release.revision == 3


def test_a_file_s_domain_wins_until_it_goes(reloader: Reloader, tmp_path: Path) -> None:
    both = domain("a.example.com"), domain("b.example.com")
    reloader.apply_stored({}, AccountWide(domains=both))

    report = reloader.apply(loaded(tmp_path))
    assert named(reloader) == ["a.example.com pets", "b.example.com x"]
    assert ["is not served meanwhile" in str(each) for each in report.problems] == [True]
    both = domain("a.example.com", "z"), domain("b.example.com", "z")
    reloader.apply_stored({}, AccountWide(domains=both))
    assert named(reloader) == ["a.example.com pets", "b.example.com z"]
    reloader.apply(loaded(tmp_path, ""))

    assert named(reloader) == ["a.example.com z", "b.example.com z"]


def test_a_broken_file_keeps_its_own_domains_only(reloader: Reloader, tmp_path: Path) -> None:
    reloader.apply(loaded(tmp_path))
    reloader.apply_stored({}, AccountWide(domains=(domain("b.example.com"),)))

    reloader.apply(loaded(tmp_path, "a: ["))
    assert named(reloader) == ["a.example.com pets", "b.example.com x"]
    reloader.apply_stored({}, AccountWide(domains=()))

    assert named(reloader) == ["a.example.com pets"]


def test_a_restart_tells_whose_domains_they_were(reloader: Reloader, tmp_path: Path) -> None:
    reloader.apply(loaded(tmp_path))
    stored = (domain("b.example.com"),)
    reloader.apply_stored({}, AccountWide(domains=stored))

    again = Reloader(reloader.release, ROOMY, reloader.parts)
    again.hold_all_stored({}, AccountWide(domains=stored))
    assert [each.domain_name for each in again.file_domains] == ["a.example.com"]
    again.apply(loaded(tmp_path, "a: ["))

    assert named(again) == ["a.example.com pets", "b.example.com x"]


def test_a_restart_without_the_store_keeps_the_domains_of_clients(
    reloader: Reloader, tmp_path: Path
) -> None:
    reloader.apply(loaded(tmp_path))
    reloader.apply_stored({}, AccountWide(domains=(domain("b.example.com"),)))
    parts = {key: decode_whole_part(part) for key, part in reloader.parts.items()}
    read = finish(join_release(1, reloader.release.digest, parts))
    assert read.stored_domains == {"b.example.com"}

    again = Reloader(read, ROOMY, reloader.parts)
    again.apply(loaded(tmp_path, ""))

    assert named(again) == ["b.example.com x"]


def test_what_is_not_what_its_name_says_is_warned_of(reloader: Reloader, tmp_path: Path) -> None:
    text = "a.example.com: {securityPolicy: TLS_1_0}"

    report = reloader.apply(loaded(tmp_path, text))

    assert [str(each).partition("domains.yaml: ")[2] for each in report.problems] == [
        (
            "a.example.com.securityPolicy: TLS 1.2 is the oldest that is spoken: TLS_1_0 is the "
            "same as TLS_1_2"
        )
    ]
