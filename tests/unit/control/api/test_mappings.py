from __future__ import annotations

import pytest

from gateway.control.api.mappings import (
    check_request_mapping,
    check_response_mapping,
    check_status_code,
)
from gateway.errors import ControlError
from tests.unit.control.api.handlers import call_of

DECLARED = {"method.request.header.a": True, "method.request.querystring.b": False}


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("integration.request.header.x", "method.request.header.a"),
        ("integration.request.querystring.x", "method.request.multivaluequerystring.b"),
        ("integration.request.path.x", "'static text'"),
        ("integration.request.header.x", "context.requestId"),
        ("integration.request.header.x", "stageVariables.name"),
        ("integration.request.header.x", "method.request.body"),
        ("integration.request.header.x", "method.request.body.a.b[0]"),
    ],
)
def test_a_good_request_mapping(target: str, source: str) -> None:
    check_request_mapping({target: source}, DECLARED)


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("integration.request.header.x", "method.request.header.undeclared"),
        ("integration.request.body.x", "'a'"),
        ("integration.request.header.", "'a'"),
        ("integration.request.header.x", "a"),
        ("integration.request.header.x", ""),
        ("x", "'a'"),
    ],
)
def test_a_bad_request_mapping_is_named(target: str, source: str) -> None:
    with pytest.raises(ControlError, match="Invalid mapping expression specified"):
        check_request_mapping({target: source}, DECLARED)


@pytest.mark.parametrize("source", ["true", "", "a.b", "method.request.wrong.a"])
def test_what_is_no_expression_is_told_so(source: str) -> None:
    told = rf"errors : \[Invalid mapping expression specified: {source}\]$"

    with pytest.raises(ControlError, match=told):
        check_request_mapping({"integration.request.header.x": source}, DECLARED)
    with pytest.raises(ControlError, match=told):
        check_response_mapping({"method.response.header.x": source}, {"method.response.header.x"})


@pytest.mark.parametrize(
    ("source", "is_good"),
    [
        ("integration.response.header.x", True),
        ("integration.response.multivalueheader.x", True),
        ("integration.response.body", True),
        ("integration.response.body.a", True),
        ("'text'", True),
        ("context.requestId", True),
        ("method.request.header.a", False),
        ("", False),
    ],
)
def test_a_response_mapping(source: str, is_good: bool) -> None:
    mapping = {"method.response.header.x": source}
    if is_good:
        check_response_mapping(mapping, mapping)
        with pytest.raises(ControlError, match=r"method\.response\.header\.x"):
            check_response_mapping(mapping, {})
    else:
        with pytest.raises(ControlError):
            check_response_mapping(mapping, mapping)


@pytest.mark.parametrize("status", ["099", "600", "20", "2000", "2xx", "٢٠٠", ""])
def test_a_bad_status_code_is_a_validation_error(status: str) -> None:
    with pytest.raises(ControlError, match="ValidationException"):
        check_status_code(call_of("PutMethodResponse", labels={"status_code": status}))
