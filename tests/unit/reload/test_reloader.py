"""Facts about what becomes of loaded files."""

import dataclasses
from pathlib import Path

import pytest

from gateway.configuration import Loaded, load
from gateway.release import Release
from gateway.reload import Capacities, Reloader
from tests.running_gateway import pets

EMPTY = Release(revision=0, digest="", region="eu-test-1", account="123456789012")
ROOMY = Capacities(buckets=100, blocks=100)
LIMITED = "stages: {prod: {methodSettings: {'*/*': {throttlingRateLimit: 5}}}}"
MEASURED = "stages: {prod: {methodSettings: {'*/*': {metricsEnabled: true}}}}"


class Files:
    """A config directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "apis").mkdir()

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def load(self) -> Loaded:
        return load(self.directory)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def with_stages(text: str, stages: str) -> str:
    return text.replace("stages:\n  prod: {}", stages)


def started(files: Files, capacities: Capacities = ROOMY) -> Reloader:
    reloader = Reloader(EMPTY, capacities)
    reloader.apply(files.load(), may_be_absent=True)
    return reloader


def test_the_first_release_has_revision_one_even_if_empty(files: Files) -> None:
    reloader = Reloader(EMPTY, ROOMY)
    report = reloader.apply(files.load(), may_be_absent=True)

    assert (report.is_changed, report.revision, report.is_ok) == (True, 1, True)
    assert reloader.release.digest == report.digest != ""


def test_unchanged_files_are_no_new_revision(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    reloader = started(files)
    before = reloader.release
    report = reloader.apply(files.load())

    assert not report.is_changed
    assert reloader.release is before


def test_a_changed_file_is_the_next_revision(files: Files) -> None:
    files.write("apis/pets.yaml", pets("one"))
    reloader = started(files)
    files.write("apis/pets.yaml", pets("two"))
    report = reloader.apply(files.load())

    assert (report.is_changed, report.revision) == (True, 2)


def test_a_reverted_file_returns_to_the_old_digest_under_a_new_revision(files: Files) -> None:
    files.write("apis/pets.yaml", pets("one"))
    reloader = started(files)
    digest = reloader.release.digest
    for text in (pets("two"), pets("one")):
        files.write("apis/pets.yaml", text)
        reloader.apply(files.load())

    assert (reloader.release.revision, reloader.release.digest) == (3, digest)


def test_a_broken_api_stays_as_it_was_and_holds_back_no_other(files: Files) -> None:
    files.write("apis/pets.yaml", pets("one"))
    files.write("apis/cats.yaml", pets("one"))
    reloader = started(files)
    before = reloader.release
    files.write("apis/pets.yaml", pets("two").replace("MOCK", "MOKC"))
    files.write("apis/cats.yaml", pets("two"))
    report = reloader.apply(files.load())

    assert report.kept == ("pets",)
    assert not report.is_ok
    assert reloader.release.stages["pets"] == before.stages["pets"]
    assert reloader.release.stages["cats"] != before.stages["cats"]
    assert set(reloader.release.deployments) >= {
        stage.deployment_id for stage in before.stages["pets"].values()
    }


def test_a_broken_api_that_was_never_good_is_missing(files: Files) -> None:
    files.write("apis/pets.yaml", pets().replace("MOCK", "MOKC"))
    reloader = Reloader(EMPTY, ROOMY)
    report = reloader.apply(files.load(), may_be_absent=True)

    assert report.missing == ("pets",)
    assert reloader.release.stages == {}


def test_a_file_too_broken_to_tell_its_id_keeps_the_api_that_it_held(files: Files) -> None:
    text = pets().replace("name: Pets", "name: Pets, id: zoo")
    files.write("apis/pets.yaml", text)
    reloader = started(files)
    files.write("apis/pets.yaml", "{")
    report = reloader.apply(files.load())

    assert report.kept == ("zoo",)
    assert report.missing == ()
    assert set(reloader.release.stages) == {"zoo"}


def test_what_cannot_be_compiled_is_refused_with_its_place(files: Files) -> None:
    files.write("apis/pets.yaml", pets("one"))
    reloader = started(files)
    files.write("apis/pets.yaml", pets("#foreach($x in $y)$x#end"))
    report = reloader.apply(files.load())
    problem = report.errors[0]

    assert report.kept == ("pets",)
    assert problem.file is not None
    assert problem.file.endswith("apis/pets.yaml")
    assert problem.line == 9


def test_a_removed_file_is_a_removed_api(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    files.write("apis/cats.yaml", pets())
    reloader = started(files)
    (files.directory / "apis/cats.yaml").unlink()
    report = reloader.apply(files.load())

    assert report.is_ok
    assert set(reloader.release.stages) == {"pets"}


def test_an_emptied_directory_changes_nothing_while_running(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    reloader = started(files)
    before = reloader.release
    (files.directory / "apis/pets.yaml").unlink()
    report = reloader.apply(files.load())

    assert not report.is_ok
    assert "absent or holds no APIs" in str(report.errors[0])
    assert reloader.release is before


@pytest.mark.parametrize("name", ["gateway.toml", "domains.yaml"])
def test_vanished_api_files_change_nothing_whatever_else_is_there(files: Files, name: str) -> None:
    files.write("apis/pets.yaml", pets())
    files.write(name, "")
    reloader = started(files)
    before = reloader.release
    (files.directory / "apis/pets.yaml").unlink()
    (files.directory / "apis").rmdir()
    report = reloader.apply(files.load())

    assert str(files.directory / "apis") in str(report.errors[0])
    assert "pets" in str(report.errors[0])
    assert (report.is_changed, report.kept) == (False, ("pets",))
    assert reloader.release is before


def test_an_empty_directory_is_taken_at_its_word_at_the_start(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    last_good = started(files).release
    (files.directory / "apis/pets.yaml").unlink()
    reloader = Reloader(last_good, ROOMY)
    report = reloader.apply(files.load(), may_be_absent=True)

    (problem,) = report.problems
    assert (report.revision, reloader.release.stages) == (2, {})
    assert (report.unserved, report.is_ok, problem.severity) == (("pets",), True, "warning")
    assert problem.file == str(files.directory / "apis")
    assert "served no more: pets" in problem.message


def test_a_start_without_files_is_no_news_where_there_were_none(files: Files) -> None:
    report = Reloader(EMPTY, ROOMY).apply(files.load(), may_be_absent=True)

    assert (report.problems, report.unserved) == ((), ())


def test_broken_domains_stay_as_they_were(files: Files) -> None:
    good = "api.example.com: {basePathMappings: [{restApiId: pets, stage: prod}]}"
    files.write("apis/pets.yaml", pets())
    files.write("domains.yaml", good)
    reloader = started(files)
    before = reloader.release.domains
    files.write("domains.yaml", good.replace("pets", "cats"))
    report = reloader.apply(files.load())

    assert not report.is_ok
    assert reloader.release.domains == before != ()


def test_domains_may_not_name_a_stage_that_only_a_refused_file_has(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    reloader = started(files)
    files.write("apis/pets.yaml", with_stages(pets("#set($a = 1)"), "stages: {new: {}}"))
    files.write(
        "domains.yaml", "api.example.com: {basePathMappings: [{restApiId: pets, stage: new}]}"
    )
    report = reloader.apply(files.load())

    assert any("names the stage new of pets" in str(problem) for problem in report.errors)
    assert reloader.release.domains == ()


def test_buckets_keep_their_slots_over_reloads(files: Files) -> None:
    files.write("apis/pets.yaml", with_stages(pets(), LIMITED))
    files.write("apis/cats.yaml", with_stages(pets(), LIMITED))
    reloader = started(files)
    before = dict(reloader.release.bucket_slots)
    (files.directory / "apis/cats.yaml").unlink()
    files.write("apis/dogs.yaml", with_stages(pets(), LIMITED))
    reloader.apply(files.load())
    after = reloader.release.bucket_slots

    assert after["pets/prod/pets#GET"] == before["pets/prod/pets#GET"]
    assert after["dogs/prod/pets#GET"] not in before.values()
    assert after["account"] == 0


def test_slots_outlive_the_control_process(files: Files) -> None:
    files.write("apis/pets.yaml", with_stages(pets(), LIMITED))
    files.write("apis/cats.yaml", with_stages(pets(), LIMITED))
    first = started(files)
    second = Reloader(first.release, ROOMY, first.parts)
    report = second.apply(files.load())

    assert not report.is_changed
    assert second.release.bucket_slots == first.release.bucket_slots


def test_more_buckets_than_the_table_holds_are_refused_as_a_whole(files: Files) -> None:
    files.write("apis/pets.yaml", with_stages(pets(), LIMITED))
    reloader = started(files, Capacities(buckets=2, blocks=100))
    before = reloader.release
    files.write("apis/cats.yaml", with_stages(pets(), LIMITED))
    report = reloader.apply(files.load())

    assert not report.is_ok
    assert "2 token buckets are needed" in str(report.errors[0])
    assert reloader.release is before


def test_methods_beyond_the_series_budget_are_counted_by_stage_alone(files: Files) -> None:
    files.write("apis/pets.yaml", with_stages(pets(), MEASURED))
    reloader = Reloader(EMPTY, Capacities(buckets=100, blocks=100, series=40))
    reloader.apply(files.load())
    files.write("apis/cats.yaml", with_stages(pets(), MEASURED))
    report = reloader.apply(files.load())

    assert report.without_blocks == 1
    assert set(reloader.release.metric_slots) == {
        "", "pets/prod/base", "pets/prod/base/pets#GET", "cats/prod/base",
    }  # fmt: skip


def test_revisions_stay_above_what_a_worker_serves(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    reloader = started(files)
    reloader.outnumber(10)
    reloader.outnumber(3)
    files.write("apis/pets.yaml", pets("two"))

    assert reloader.apply(files.load()).revision == 11


def test_changed_settings_are_a_new_revision(files: Files) -> None:
    files.write("apis/pets.yaml", pets())
    first = started(files)
    moved = dataclasses.replace(first.release, region="eu-test-2")
    report = Reloader(moved, ROOMY, first.parts).apply(files.load())

    assert (report.is_changed, report.revision) == (True, 2)


BROKEN = """\
resources:
  /typo: {GET: {integration: {type: MOKC}}}
  /template:
    GET:
      integration: {type: MOCK, requestTemplates: {application/json: "#set($a = 1)"}}
  /uri: {GET: {integration: {type: HTTP_PROXY, uri: "http://b.test/{nope}", timeoutInMillis: 1}}}
stages:
  prod: {accessLogSettings: {format: $context.odd, destination: stdout}}
"""


def test_one_look_names_what_compiling_finds_beside_what_cannot_be_read(files: Files) -> None:
    files.write("apis/pets.yaml", BROKEN)
    reloader = Reloader(EMPTY, ROOMY)
    report = reloader.apply(files.load(), may_be_absent=True)

    assert {(problem.path, problem.line) for problem in report.errors} == {
        ("resources./typo.GET.integration.type", 2),
        ("resources./uri.GET.integration.timeoutInMillis", 6),
        ("resources./template.GET.integration.requestTemplates.application/json", 5),
        ("resources./uri.GET.integration.uri", 6),
        ("stages.prod.accessLogSettings.format", 8),
    }
    assert (report.missing, reloader.release.stages) == (("pets",), {})


def test_what_cannot_even_be_checked_further_is_told_as_far_as_it_was_read(files: Files) -> None:
    method = "{GET: {integration: {type: MOCK}}}"
    files.write("apis/pets.yaml", f"resources: {{'/{{a}}': {method}, '/{{b}}': {method}}}")
    report = Reloader(EMPTY, ROOMY).apply(files.load(), may_be_absent=True)

    assert report.missing == ("pets",)
    assert report.errors


def test_edits_that_find_no_room_leave_nothing_behind(files: Files) -> None:
    files.write("apis/pets.yaml", pets("one"))
    reloader = started(files, dataclasses.replace(ROOMY, buckets=1))
    for answer in ("two", "three"):
        files.write("apis/pets.yaml", with_stages(pets(answer), LIMITED))
        assert not reloader.apply(files.load()).is_ok

        assert reloader._checks.take_parts() == {}
    files.write("apis/pets.yaml", pets("three"))

    assert reloader.apply(files.load()).is_changed
    assert set(reloader.parts) >= {f"deployment/{id_}" for id_ in reloader.release.deployments}
