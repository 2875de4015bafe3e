"""TestInvokeMethod of a whole gateway: files' methods can be tested, too."""

from __future__ import annotations

from tests.integration.test_control_plane import client_of
from tests.running_gateway import RunningGateway, until


def test_a_method_of_a_file_is_tested(running_gateway: RunningGateway) -> None:
    aws = client_of(running_gateway)
    until(lambda: aws.get_rest_apis()["items"] or None, "the file's API to be shown")
    resources = {each["path"]: each["id"] for each in aws.get_resources(restApiId="pets")["items"]}
    revision = running_gateway.status()["revision"]

    told = aws.test_invoke_method(restApiId="pets", resourceId=resources["/pets"], httpMethod="GET")

    assert (told["status"], told["body"]) == (200, "one")
    assert told["log"].endswith("Method completed with status: 200\n")
    assert running_gateway.status()["revision"] == revision
