from __future__ import annotations

import pytest

from gateway.definitions.integration_uri import problem_of_uri


@pytest.mark.parametrize("type_", ["MOCK", "HTTP", "AWS", "AWS_PROXY"])
def test_only_a_mock_needs_none(type_: str) -> None:
    assert (problem_of_uri(type_, None) is None) is (type_ == "MOCK")


@pytest.mark.parametrize(
    ("target", "is_good"),
    [
        ("lambda:path/2015-03-31/functions/arn:aws:lambda:r:1:function:f:live/invocations", True),
        ("lambda:path//2015-03-31/functions/${stageVariables.function}/invocations", True),
        ("lambda:path/2021-11-15/functions/f/response-streaming-invocations", True),
        ("firehose:action/PutRecord", True),
        ("lambda:path/2015-03-31/functions/f", False),
        ("lambda:path/2015-03-31/functions//invocations", False),
        ("lambda:action/Invoke", False),
        ("firehose:action/CreateDeliveryStream", False),
        ("sqs:action/SendMessage", False),
    ],
)
def test_a_proxy_invokes_functions_and_streams_only(target: str, is_good: bool) -> None:
    uri = f"arn:aws:apigateway:us-east-1:{target}"
    found = problem_of_uri("AWS_PROXY", uri)

    assert problem_of_uri("AWS", uri) is None
    assert (found is None) is is_good
    if found is not None:
        assert found.sentence == (
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose "
            "stream invocations."
        )
        assert found.message.startswith(f"{found.sentence[:-1]}: write arn:aws:apigateway:")
