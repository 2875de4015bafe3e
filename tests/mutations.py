"""Clients that change things as fast as they can, and remember what they were told.

What was answered must be there after any crash. Of what was sent and not answered, all or nothing
may be there; `check` knows which is which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from tests.running_gateway import PATIENCE_SECONDS, RunningGateway

CUT_OFF: Final = (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)
"""What a client sees of a process that was killed: nobody knows what became of its call."""

TAGS: Final = {"team": "pets"}
MODELS: Final = {"Empty", "Error"}


@dataclass(slots=True)
class Known:
    """What is known of one API."""

    name: str
    id: str = ""
    """Empty while nothing was answered: whether the API exists is open."""
    root: str = ""
    resource: str = ""
    deployments: list[str] = field(default_factory=list)
    """Ids that were answered, the newest last: the stage's."""
    is_deploying: bool = False
    """Whether a deployment was asked for and not answered."""
    is_deleting: bool = False
    is_deleted: bool = False


def client_of(gateway: RunningGateway) -> Any:
    """Return a stock client that tries nothing twice."""
    return boto3.session.Session().client(
        "apigateway",
        endpoint_url=gateway.admin_url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(
            retries={"max_attempts": 0}, max_pool_connections=32, read_timeout=PATIENCE_SECONDS
        ),
    )


class _OverError(Exception):
    """The burst is over: what was not asked for yet is not."""


class Burst:
    """Some clients, each in a thread: they make APIs, deploy them twice, delete every third.

    They end when they are cut off, or with `join`.
    """

    def __init__(self, gateway: RunningGateway, clients: int, name: str) -> None:
        self._aws = client_of(gateway)
        self._name = name
        self._answers = 0
        self._is_over = False
        self._changed = threading.Condition()
        self.known: list[Known] = []
        """All APIs that were asked for."""
        self.errors: list[BaseException] = []
        """Whatever ended a client, beside the kill."""
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"client {number}")
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, answers: int) -> None:
        """Return once so many mutations were answered."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._answers >= answers or self.errors, PATIENCE_SECONDS
            ), f"{self._answers} of {answers} answers"

    def join(self) -> None:
        """Wait until every client has noticed that it was cut off.

        One that had no call under way may reach the replacement: it ends after that call.
        """
        self._is_over = True
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        assert self.errors == []

    def _work(self, client: int) -> None:
        number = 0
        try:
            while not self._is_over:
                known = Known(f"{self._name}-{client}-{number}")
                self.known.append(known)
                self._make(known, is_short_lived=number % 3 == 2)
                number += 1
        except (_OverError, *CUT_OFF):
            pass
        except BaseException as error:  # noqa: BLE001 (told by `join`, in the test's own thread)
            self.errors.append(error)
            with self._changed:
                self._changed.notify_all()

    def _make(self, known: Known, *, is_short_lived: bool) -> None:
        aws = self._aws
        made = self._answered(lambda: aws.create_rest_api(name=known.name, tags=TAGS))
        known.id, known.root = made["id"], made["rootResourceId"]
        resource = self._answered(
            lambda: aws.create_resource(restApiId=known.id, parentId=known.root, pathPart="pets")
        )
        known.resource = resource["id"]
        method = {"restApiId": known.id, "resourceId": known.resource, "httpMethod": "GET"}
        self._answered(lambda: aws.put_method(**method, authorizationType="NONE"))
        self._answered(
            lambda: aws.put_integration(
                **method,
                type="MOCK",
                requestTemplates={"application/json": '{"statusCode": 200}'},
            )
        )
        self._answered(lambda: aws.put_method_response(**method, statusCode="200"))
        templates = {"application/json": known.name}
        self._answered(
            lambda: aws.put_integration_response(
                **method, statusCode="200", responseTemplates=templates
            )
        )
        for _ in range(2):
            known.is_deploying = True
            deployment = self._answered(
                lambda: aws.create_deployment(restApiId=known.id, stageName="prod")
            )
            known.deployments.append(deployment["id"])
            known.is_deploying = False
        if is_short_lived:
            known.is_deleting = True
            self._answered(lambda: aws.delete_rest_api(restApiId=known.id))
            known.is_deleted = True

    def _answered(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if self._is_over:
            raise _OverError
        answer = call()
        with self._changed:
            self._answers += 1
            self._changed.notify_all()
        return answer


def check(gateway: RunningGateway, known: list[Known], newest: list[Known]) -> None:
    """See that what was answered is there, and that nothing is half made.

    Of all APIs whether they are there, of the `newest` everything.
    """
    names = {each.name for each in newest}
    aws = client_of(gateway)
    pages = aws.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 100})
    listed = [item for page in pages for item in page["items"]]
    by_name = {item["name"]: item for item in listed}
    assert len(by_name) == len(listed)
    assert by_name.keys() <= {each.name for each in known}
    for each in known:
        item = by_name.get(each.name)
        if item is None:
            assert each.is_deleting or not each.id, f"{each} was answered, and is lost"
        else:
            assert not each.is_deleted, f"{each} was deleted, and is back"
            assert each.id in ("", item["id"])
            if each.name in names:
                _check_api(aws, gateway, each, item)


def _check_api(aws: Any, gateway: RunningGateway, known: Known, item: dict[str, Any]) -> None:
    api_id = item["id"]
    assert item["tags"] == TAGS
    assert {model["name"] for model in aws.get_models(restApiId=api_id)["items"]} == MODELS
    resources = aws.get_resources(restApiId=api_id, embed=["methods"])["items"]
    paths = {each["path"]: each for each in resources}
    assert item["rootResourceId"] == paths["/"]["id"]
    if known.resource:
        assert paths["/pets"]["id"] == known.resource
    deployments = {each["id"] for each in aws.get_deployments(restApiId=api_id)["items"]}
    assert set(known.deployments) <= deployments
    assert len(deployments) <= len(known.deployments) + known.is_deploying
    stages = aws.get_stages(restApiId=api_id)["item"]
    # The first deployment and the stage are one mutation.
    assert len(stages) == bool(deployments)
    if not stages:
        return
    (stage,) = stages
    assert stage["deploymentId"] in deployments
    unanswered = deployments - set(known.deployments)
    newest = unanswered.pop() if unanswered else known.deployments[-1]
    assert stage["deploymentId"] == newest
    answer = gateway.get(f"/_aws/execute-api/{api_id}/prod/pets")
    assert answer == (200, known.name.encode())
