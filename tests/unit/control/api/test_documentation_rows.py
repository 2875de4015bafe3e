from __future__ import annotations

import pytest

from gateway.control.api.documentation_rows import checked_properties, place_of
from gateway.definitions import documentation
from gateway.definitions.documentation import key_of
from gateway.errors import ControlError


def test_a_key_reads_as_aws_says_it() -> None:
    place = place_of({"type": "RESPONSE", "path": "/a", "method": "GET", "statusCode": "200"})

    assert key_of(place) == "type 'RESPONSE', path '/a', method 'GET', status code '200'"


@pytest.mark.parametrize("value", ["a\nb", "\x00", "x" * 1025])
def test_a_place_is_printable_and_bounded(value: str) -> None:
    with pytest.raises(ControlError, match="Invalid documentation part location"):
        place_of({"type": "MODEL", "name": value})


def test_properties_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "PROPERTIES_BYTES", 10)
    assert checked_properties('{"a": 1}') == '{"a": 1}'

    with pytest.raises(ControlError, match="at most 10 bytes"):
        checked_properties('{"a": 12345}')
