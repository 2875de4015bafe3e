"""Facts about single records; whole parts are tested with `decode`."""

from __future__ import annotations

from gateway.errors import Problem
from gateway.release.records import Decoder


def test_records_are_collected_by_kind_and_unknown_ones_are_problems() -> None:
    problems: list[Problem] = []
    decoder = Decoder(problems)
    decoder.take(["flushes", {"shop/dev": 3}], "flushes")
    decoder.take(["file", "shop.yaml"], "api/shop")
    decoder.take(["nonsense", 1], "odd")
    part = decoder.part()

    assert (dict(part.cache_flushes), part.file) == ({"shop/dev": 3}, "shop.yaml")
    assert [problem.path for problem in problems] == ["odd"]


def test_a_resource_cannot_name_a_method_that_did_not_come() -> None:
    problems: list[Problem] = []
    Decoder(problems).take(["resource", {"GET": 0}, {"path": "/a"}], "deployment/d")

    assert "is not there" in problems[0].message
