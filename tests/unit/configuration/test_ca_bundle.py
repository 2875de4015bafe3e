"""Facts about bundles of authorities: what is wrong is said before a gateway starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration import load_settings
from gateway.configuration.ca_bundle import problem_of_bundle
from gateway.errors import ConfigurationError
from tests.backend_certificates import authority, issued


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (authority().pem, ""),
        (authority().pem + authority("Another").pem, ""),
        ("", "holds no certificates"),
        ("nonsense", "holds no certificates"),
        (authority().key_pem, "holds no certificates"),
        (issued().pem, "holds no authority's certificate"),
    ],
    ids=["one", "two", "empty", "nonsense", "a key", "a server's"],
)
def test_bundle_holds_authorities(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content)
    told = problem_of_bundle(path)

    assert problem in told
    assert bool(problem) == bool(told)


def test_bundle_that_is_not_there_is_named_as_a_setting(tmp_path: Path) -> None:
    flags = {"backends.ca_bundle": f"{tmp_path}/gone.pem"}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path, {}, flags)
    (problem,) = caught.value.problems

    assert problem.path == "backends.ca_bundle"
    assert "gone.pem cannot be read: No such file" in problem.message
