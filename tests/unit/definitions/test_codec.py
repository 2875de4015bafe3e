"""The codec: what is accepted, what is refused and in which words, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.definitions import codec
from gateway.definitions.domain import DomainName
from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import ApiDefinition, Method, MethodResponse, Resource, RestApi
from gateway.definitions.stage import AccessLogSettings, Deployment, MethodSetting, Stage
from gateway.errors import Problem

ALL = (ApiDefinition, Deployment, DomainName, Stage)


def refused(cls: type, value: object) -> list[str]:
    """Return the problems of decoding as text; there must be some."""
    problems: list[Problem] = []

    assert codec.decode(cls, value, problems=problems) is None
    assert problems
    return [str(problem) for problem in problems]


def accepted(cls: type[Any], value: object) -> Any:
    problems: list[Problem] = []
    decoded = codec.decode(cls, value, problems=problems)

    assert problems == []
    assert decoded is not None
    return decoded


TEXT = st.text(max_size=3)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
}


def drawn(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a type hint in which every field is drawn, not only required ones."""
    arguments = get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{name: drawn(each) for name, each in hints.items()})
    if get_origin(hint) is tuple:
        return st.lists(drawn(arguments[0]), max_size=2).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(TEXT, drawn(arguments[1]), max_size=2)
    if arguments:
        return st.one_of([drawn(each) for each in arguments])
    return st.sampled_from(hint)


@pytest.mark.parametrize("cls", ALL)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_encode_and_decode_lose_nothing(cls: type, data: st.DataObject) -> None:
    definition = data.draw(drawn(cls))

    for without_defaults in (False, True):
        encoded = codec.encode(definition, without_defaults=without_defaults)
        assert accepted(cls, orjson.loads(orjson.dumps(encoded))) == definition


def test_names_are_camel_case_and_aliases_count() -> None:
    integration = accepted(
        Method, {"methodIntegration": {"type": "HTTP", "httpMethod": "POST", "uri": "http://a"}}
    ).integration

    assert integration == Integration(
        type=IntegrationType.HTTP, integration_http_method="POST", uri="http://a"
    )


def test_a_name_and_its_alias_together_are_refused() -> None:
    (problem,) = refused(
        AccessLogSettings, {"destination": "stdout", "destinationArn": "arn:aws:logs:x"}
    )

    assert problem == (
        "destinationArn: means the same as destination or destinationArn given beside it; keep one"
    )


def test_an_unknown_key_gets_a_suggestion() -> None:
    assert refused(Integration, {"type": "MOCK", "requestTemplate": {}}) == [
        'requestTemplate: unknown key "requestTemplate"; did you mean "requestTemplates"?'
    ]


def test_a_key_like_nothing_known_gets_the_list() -> None:
    (problem,) = refused(GatewayResponse, {"zzz": 1})

    assert problem.endswith("known are: statusCode, responseParameters, responseTemplates")


def test_every_problem_is_reported_with_its_path() -> None:
    problems = refused(
        Method,
        {
            "apiKeyRequired": "yes",
            "authorizationScopes": ["a", 1.5],
            "integration": {"type": "HTTPS", "timeoutInMillis": "100"},
        },
    )

    assert problems == [
        'apiKeyRequired: must be true or false, without quotes, not the text "yes"',
        "authorizationScopes[1]: must be text, not the number 1.5: put it in quotes",
        (
            "integration.type: must be one of HTTP, HTTP_PROXY, MOCK, AWS, AWS_PROXY, "
            'not the text "HTTPS"; did you mean "HTTP"?'
        ),
        'integration.timeoutInMillis: must be a whole number, without quotes, not the text "100"',
    ]


def test_required_members_are_named() -> None:
    assert refused(Integration, {}) == ["type: is required; add it"]
    assert refused(ApiDefinition, {"restApi": {"name": None}}) == [
        "restApi.name: is required; add it"
    ]


def test_an_integer_is_text_where_text_is_wanted() -> None:
    assert accepted(GatewayResponse, {"statusCode": 429}).status_code == "429"


@pytest.mark.parametrize("value", [True, 1.5])
def test_a_boolean_or_fraction_as_text_must_be_quoted(value: object) -> None:
    (problem,) = refused(RestApi, {"name": value})

    assert problem.endswith("put it in quotes")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "1"])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    refused(MethodSetting, {"throttlingRateLimit": value})


@pytest.mark.parametrize("value", [None, 1, "text", [], [{}]])
def test_what_is_no_mapping_is_refused(value: object) -> None:
    assert "must be a mapping, not" in refused(Stage, value)[0]


def test_null_members_are_absent() -> None:
    assert accepted(Stage, {"description": None, "variables": None}) == Stage()


def test_null_in_a_map_is_an_empty_template_or_entry() -> None:
    method = accepted(Method, {"requestModels": {"a/b": None}, "methodResponses": {"200": None}})

    assert method.request_models == {"a/b": ""}
    assert method.method_responses == {"200": MethodResponse()}


def test_null_in_a_list_is_refused() -> None:
    assert refused(RestApi, {"name": "a", "binaryMediaTypes": [None]}) == [
        "binaryMediaTypes[0]: must be text, not nothing"
    ]


def test_a_member_may_repeat_the_key_it_stands_under_but_not_contradict_it() -> None:
    assert accepted(Method, {"methodResponses": {"200": {"statusCode": "200"}}})
    assert accepted(Resource, {"path": "/", "methods": {"GET": {"httpMethod": "GET"}}})
    assert refused(Method, {"methodResponses": {"200": {"statusCode": 201}}}) == [
        'methodResponses.200.statusCode: must be "200" like the key it stands under, or be left out'
    ]


def test_long_and_unprintable_text_is_cut_and_escaped_in_messages() -> None:
    (problem,) = refused(Stage, {"\x1b[2J" + "x" * 100_000: 1, "description": 0})

    message = problem.partition(": unknown key ")[2]
    assert len(message) < 500
    assert "\x1b" not in message


def test_encode_omits_what_is_absent_or_empty() -> None:
    assert codec.encode(Resource(path="/", methods={"GET": Method()})) == {
        "path": "/",
        "methods": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}},
    }


def test_encode_without_defaults_keeps_only_what_differs() -> None:
    setting = MethodSetting(throttling_burst_limit=1)

    assert codec.encode(setting, without_defaults=True) == {"throttlingBurstLimit": 1}


def test_decode_fields_returns_what_is_present_and_valid() -> None:
    problems: list[Problem] = []
    values = codec.decode_fields(
        MethodSetting,
        {"throttlingBurstLimit": 5, "loggingLevel": "LOUD"},
        problems=problems,
        path="a",
    )

    assert values == {"throttling_burst_limit": 5}
    assert [problem.path for problem in problems] == ["a.loggingLevel"]


def test_decode_fields_refuses_what_is_no_mapping() -> None:
    problems: list[Problem] = []

    assert codec.decode_fields(MethodSetting, 5, problems=problems) == {}
    assert len(problems) == 1


def test_after_many_problems_nothing_is_compared_and_lists_stay_short() -> None:
    known = [f"name{index}" for index in range(1000)]

    assert codec.suggestion("name1", known).endswith("name29, …")
    assert codec.suggestion("name", known[:3], after=range(100)).startswith("known are: name0")
    assert codec.suggestion("name", known[:3], after=range(99)).startswith("did you mean")


def test_one_attribute_may_be_left_out() -> None:
    resource = Resource(path="/pets", id="abc", methods={"GET": Method()})

    assert codec.encode(resource, omit="methods") == {"path": "/pets", "id": "abc"}
    assert "methods" in codec.encode(resource)
