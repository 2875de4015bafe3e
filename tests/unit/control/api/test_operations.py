from __future__ import annotations

import pytest

from gateway.control.api.operations import OPERATIONS, find_operation
from gateway.errors import ControlError


@pytest.mark.parametrize(
    ("verb", "path", "query", "name", "labels"),
    [
        ("GET", "/restapis", {}, "GetRestApis", {}),
        ("GET", "/restapis/", {}, "GetRestApis", {}),
        ("POST", "/restapis", {}, "CreateRestApi", {}),
        ("POST", "/restapis", {"mode": ["import"]}, "ImportRestApi", {}),
        ("POST", "/apikeys", {"mode": ["import"], "format": ["csv"]}, "ImportApiKeys", {}),
        ("PUT", "/restapis/a", {"mode": ["merge"]}, "PutRestApi", {"restapi_id": "a"}),
        (
            "POST",
            "/restapis/a/resources/b",
            {},
            "CreateResource",
            {"restapi_id": "a", "parent_id": "b"},
        ),
        (
            "GET",
            "/restapis/a/resources/b",
            {},
            "GetResource",
            {"restapi_id": "a", "resource_id": "b"},
        ),
        (
            "GET",
            "/tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Frestapis%2Fa",
            {},
            "GetTags",
            {"resource_arn": "arn:aws:apigateway:r::/restapis/a"},
        ),
        (
            "GET",
            "/domainnames/a/basepathmappings/%28none%29",
            {},
            "GetBasePathMapping",
            {"domain_name": "a", "base_path": "(none)"},
        ),
    ],
)
def test_a_request_means_an_operation(
    verb: str, path: str, query: dict[str, list[str]], name: str, labels: dict[str, str]
) -> None:
    operation, found = find_operation(verb, path, query)

    assert (operation.name, found) == (name, labels)


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "/"), ("GET", "/restapi"), ("PATCH", "/restapis"), ("GET", "//restapis")],
)
def test_other_requests_mean_none(verb: str, path: str) -> None:
    with pytest.raises(ControlError) as error:
        find_operation(verb, path, {})

    assert (error.value.code, error.value.status) == ("UnknownOperationException", 404)


@pytest.mark.parametrize("label", ["%FF", "%00", "a%0D%0Ab", "%E2%80%AE"])
def test_a_label_is_printable_text(label: str) -> None:
    with pytest.raises(ControlError, match="BadRequestException"):
        find_operation("GET", f"/restapis/{label}", {})


def test_reading_and_trying_are_no_mutations() -> None:
    names = {name for name, operation in OPERATIONS.items() if not operation.is_mutation}

    assert all(name.startswith(("Get", "TestInvoke")) for name in names)
    assert "GenerateClientCertificate" not in names


def test_messages_name_the_input() -> None:
    assert OPERATIONS["CreateRestApi"].input_name == "createRestApiInput"
