"""What is said of a directory whose API files are gone."""

from pathlib import Path

from gateway.reload.absence import unserved_apis, vanished_directory

DIRECTORY = Path("/config/apis")


def test_files_that_go_are_an_error_and_files_that_were_gone_a_warning() -> None:
    error, warning = (say(DIRECTORY, ["a", "b"]) for say in (vanished_directory, unserved_apis))

    assert (error.severity, error.file) == ("error", "/config/apis")
    assert "stays: a, b. " in error.message
    assert (warning.severity, warning.file) == ("warning", "/config/apis")
    assert "served no more: a, b. " in warning.message


def test_many_apis_are_counted() -> None:
    problem = unserved_apis(DIRECTORY, [f"api{number}" for number in range(23)])

    assert "api19 and 3 more. " in problem.message
    assert "api20" not in problem.message
