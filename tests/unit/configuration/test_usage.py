"""usage.yaml, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import configuration
from gateway.configuration.loaded import Loaded
from tests.running_gateway import pets

KEYED = pets().replace("  GET:\n", "  GET:\n      apiKeyRequired: true\n")
GOOD = """
apiKeys:
  mobile: {value: 0123456789-0123456789}
usagePlans:
  gold:
    apiStages: [{apiId: pets, stage: prod, throttle: {/pets/GET: {rateLimit: 5}}}]
    quota: {limit: 10, period: DAY}
    apiKeys: [mobile]
"""


def load(directory: Path, text: str, api: str = KEYED) -> Loaded:
    (directory / "apis").mkdir(exist_ok=True)
    (directory / "apis" / "pets.yaml").write_text(api)
    (directory / "usage.yaml").write_text(text)
    return configuration.load(directory)


def said(loaded: Loaded) -> list[str]:
    return [str(each).partition("usage.yaml:")[2] for each in loaded.problems]


def test_plans_and_keys_are_read(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)

    assert said(loaded) == []
    assert loaded.usage is not None
    assert list(loaded.usage.api_keys) == ["mobile"]
    assert loaded.usage.usage_plans["gold"].api_keys == ("mobile",)
    assert tmp_path / "usage.yaml" in loaded.files


def test_an_empty_or_absent_file_defines_nothing(tmp_path: Path) -> None:
    loaded = load(tmp_path, "# nothing yet\n")
    assert (said(loaded), loaded.usage) == ([], configuration.Loaded().usage)

    (tmp_path / "usage.yaml").unlink()

    assert configuration.load(tmp_path).usage == configuration.Loaded().usage


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("apiId: pets", "apiId: pest", "6:18: usagePlans.gold.apiStages[0].apiId: Invalid API"),
        ("stage: prod", "stage: dev", "Invalid stage identifier specified:"),
        ("[mobile]", "[moble]", "8:15: usagePlans.gold.apiKeys[0]: there is no API key"),
        ("period: DAY", "period: YEAR", "usagePlans.gold.quota.period"),
        ("usagePlans:", "usagePlan:", "usagePlan"),
        (GOOD, "[]", "must be a map"),
        (GOOD, "a: [", ""),
    ],
)
def test_a_mistake_refuses_the_file(tmp_path: Path, before: str, after: str, text: str) -> None:
    loaded = load(tmp_path, GOOD.replace(before, after))

    assert loaded.usage is None
    assert any(text in each for each in said(loaded)), said(loaded)


@pytest.mark.parametrize(
    ("text", "api", "warning"),
    [
        (GOOD.replace("/pets/GET", "/pest/GET"), KEYED, "no deployed method has this key"),
        (GOOD, pets(), "does not say apiKeyRequired, so the entry acts on nothing"),
        (GOOD, pets(), "no method of pets says apiKeyRequired"),
        (GOOD, "restApi: [", 'the API "pets" has errors: its last good form is used'),
    ],
)
def test_what_acts_on_nothing_is_warned_of(
    tmp_path: Path, text: str, api: str, warning: str
) -> None:
    loaded = load(tmp_path, text, api)

    assert loaded.usage is not None
    assert any(warning in each for each in said(loaded)), said(loaded)
