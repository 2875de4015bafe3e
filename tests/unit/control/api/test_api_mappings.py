from __future__ import annotations

import pytest

from gateway.control.api import base_path_mappings
from gateway.control.api.api_mappings import id_of, sequence_of
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

NAME = "a.example.com"


def test_an_id_stands_for_its_place_alone() -> None:
    ids = [id_of(sequence) for sequence in range(1, 20_000)]

    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {6}
    assert [sequence_of(each) for each in ids] == list(range(1, 20_000))


@pytest.mark.parametrize("text", ["", "abc", "abcdefg", "ABCDEF", "ab-def", "ab\u0663def"])
def test_what_is_no_id_stands_for_nothing(text: str) -> None:
    assert sequence_of(text) == -1


def test_the_number_of_mappings_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_path_mappings, "MAPPINGS_MAX", 1)
    labels = handlers.method()
    api = labels["restapi_id"]
    handlers.call("CreateDeployment", {"stageName": "prod"}, restapi_id=api)
    handlers.call("CreateDomainName", {"domainName": NAME})
    body = {"apiId": api, "stage": "prod"}
    handlers.call("CreateApiMapping", body, domain_name=NAME)

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateApiMapping", {**body, "apiMappingKey": "a"}, domain_name=NAME)
