"""Facts about domains that refer to what is not there."""

from __future__ import annotations

from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Stage
from gateway.reload.references import unknown_references
from tests.builders import domain

STAGES = {"shop": {"dev": Stage(stage_name="dev")}}


def told(*domains: DomainName, missing: tuple[str, ...] = ()) -> list[str]:
    return [each.message for each in unknown_references(domains, STAGES, missing)]


def test_what_is_there_is_no_problem() -> None:
    assert told(domain("a.test", none="dev"), domain("b.test", v1="(none)")) == []


def test_unknown_stage_is_named_with_those_that_are_known() -> None:
    assert told(domain("a.test", v1="prod")) == [
        "names the stage prod of shop, which is not there; known: dev"
    ]


def test_unknown_api_is_named_unless_it_is_broken() -> None:
    lost = domain("a.test", v1="dev")

    assert [each.message for each in unknown_references([lost], {}, ())] == [
        "names the API shop, which is not there; known: none"
    ]
    assert list(unknown_references([lost], {}, ("shop",))) == []
