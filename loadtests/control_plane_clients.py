"""AWS's clients that make many APIs at once, and what must be true of them afterwards.

Used by `control_plane_scale.py` at full size and by the integration tests at a smaller one. Every
client works on APIs of its own and on one that all share, where an update that overwrites
another's would be lost.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config

STAGE: Final = "prod"
PAGE: Final = 7
"""Entries of a page when resources are listed: several pages for each API."""
APIS_PAGE: Final = 100
SHARED: Final = "shared"
VARIABLES_MAX: Final = 96
"""Stage variables that all clients together set on the shared stage."""
PATIENCE_SECONDS: Final = 60


class BrokenPromiseError(Exception):
    """Something that the control plane promises is not so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeApi:
    """What a client was told of an API that it made."""

    id: str
    name: str
    methods: dict[str, dict[str, str]]
    """Path to HTTP method to the URI of its integration; empty for MOCK."""
    resource_ids: tuple[str, ...]
    deployment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one client of many does, and with it the process that it runs in."""

    url: str
    """Of the control plane."""
    client: int
    clients: int
    apis: int
    """Of all clients together."""
    methods: int
    """Of each API; even."""
    shared_api: str
    shared_root: str

    @property
    def numbers(self) -> range:
        """The numbers of the APIs that this client makes."""
        return range(self.client, self.apis, self.clients)

    @property
    def variables(self) -> dict[str, str]:
        """The stage variables that this client sets on the shared stage, one update for each."""
        count = min(VARIABLES_MAX // self.clients, len(self.numbers))
        return {f"client{self.client}n{number}": str(number) for number in range(count)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What one client was told."""

    apis: tuple[MadeApi, ...]
    shared_paths: tuple[str, ...]
    """Resources that it made below the shared API."""
    calls: int


def aws_client(url: str) -> Any:
    """Return a stock client."""
    return boto3.session.Session().client(
        "apigateway",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_SECONDS),
    )


def make_shared(url: str) -> tuple[str, str]:
    """Make the API that all clients write to; return its id and its root's."""
    aws = aws_client(url)
    made = aws.create_rest_api(name=SHARED)
    method = {
        "restApiId": made["id"],
        "resourceId": made["rootResourceId"],
        "httpMethod": "GET",
    }
    _mock(aws, method, SHARED)
    aws.create_deployment(restApiId=made["id"], stageName=STAGE)
    return made["id"], made["rootResourceId"]


def make_share(share: Share) -> Made:
    """Make one client's APIs, each deployed; in between, write to the API that all share."""
    aws = aws_client(share.url)
    calls = Counter[str]()
    aws.meta.events.register("before-call.apigateway", lambda **_: calls.update(["calls"]))
    variables = list(share.variables.items())
    apis: list[MadeApi] = []
    paths: list[str] = []
    for number in share.numbers:
        apis.append(_make_api(aws, number, share.methods))
        if variables:
            name, value = variables.pop()
            patch = {"op": "replace", "path": f"/variables/{name}", "value": value}
            aws.update_stage(restApiId=share.shared_api, stageName=STAGE, patchOperations=[patch])
            made = aws.create_resource(
                restApiId=share.shared_api, parentId=share.shared_root, pathPart=name
            )
            paths.append(made["path"])
    return Made(apis=tuple(apis), shared_paths=tuple(paths), calls=calls["calls"])


def check_apis(url: str, made: Sequence[Made], shared_api: str) -> int:
    """Compare what lists and reads say with what the clients were told; return how many calls.

    Raises:
        BrokenPromiseError: something is missing, twice, or not as it was made.
    """
    aws = aws_client(url)
    calls = Counter[str]()
    aws.meta.events.register("before-call.apigateway", lambda **_: calls.update(["calls"]))
    apis = {api.id: api for each in made for api in each.apis}
    told = [api.id for each in made for api in each.apis]
    _expect(len(told) == len(apis), f"ids were given twice: {_repeated(told)}")
    listed = list(_pages(aws, "get_rest_apis", APIS_PAGE))
    ids = [item["id"] for item in listed]
    _expect(not (twice := _repeated(ids)), f"APIs are listed twice: {twice}")
    _expect(not (lost := apis.keys() - set(ids)), f"APIs are not listed: {sorted(lost)[:5]}")
    extra = set(ids) - apis.keys() - {shared_api}
    _expect(not extra, f"APIs that nobody made are listed: {sorted(extra)[:5]}")
    names = {item["id"]: item["name"] for item in listed}
    wrong = [api.id for api in apis.values() if names[api.id] != api.name]
    _expect(not wrong, f"APIs have another's name: {wrong[:5]}")
    deployments = [api.deployment_id for api in apis.values()]
    _expect(not (twice := _repeated(deployments)), f"deployments share an id: {twice}")
    for api in apis.values():
        _check_api(aws, api)
    return calls["calls"]


def check_shared(url: str, shares: Iterable[Share], made: Iterable[Made], shared_api: str) -> None:
    """See that no client's write to the shared API overwrote another's.

    Raises:
        BrokenPromiseError: one is lost.
    """
    aws = aws_client(url)
    wanted = {name: value for share in shares for name, value in share.variables.items()}
    found = aws.get_stage(restApiId=shared_api, stageName=STAGE).get("variables", {})
    _expect(found == wanted, f"stage variables are lost: {sorted(wanted.keys() - found.keys())}")
    paths = [path for each in made for path in each.shared_paths]
    listed = [item["path"] for item in _pages(aws, "get_resources", PAGE, restApiId=shared_api)]
    missing = sorted({"/", *paths} ^ set(listed))
    _expect(not missing, f"resources of the shared API are lost or too many: {missing[:5]}")
    _expect(not (twice := _repeated(listed)), f"resources are listed twice: {twice}")


def check_served(address: str, made: Iterable[Made]) -> int:
    """Ask the data plane for one method of every API; return how many answered.

    Raises:
        BrokenPromiseError: an API does not answer as itself.
    """
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS)
    count = 0
    for each in made:
        for api in each.apis:
            connection.request("GET", f"/_aws/execute-api/{api.id}/{STAGE}/r0/1")
            answer = connection.getresponse()
            body = answer.read()
            expected = (200, api.name.encode())
            _expect((answer.status, body) == expected, f"{api.id} answers {answer.status} {body!r}")
            count += 1
    connection.close()
    return count


def _make_api(aws: Any, number: int, methods: int) -> MadeApi:
    name = f"api-{number}"
    api = aws.create_rest_api(name=name)
    made: dict[str, dict[str, str]] = {}
    resource_ids = [api["rootResourceId"]]
    for index in range(methods // 2):
        below = aws.create_resource(
            restApiId=api["id"], parentId=api["rootResourceId"], pathPart=f"r{index}"
        )
        resource = aws.create_resource(
            restApiId=api["id"], parentId=below["id"], pathPart="{itemId}"
        )
        resource_ids += [below["id"], resource["id"]]
        uris: dict[str, str] = {}
        for verb in ("GET", "POST"):
            method = {"restApiId": api["id"], "resourceId": resource["id"], "httpMethod": verb}
            # Each its own: equal methods would share what they are compiled to.
            is_mock = (index, verb) == (0, "GET")
            uris[verb] = "" if is_mock else f"http://backend.example/{name}/{index}/{{itemId}}"
            if is_mock:
                _mock(aws, method, name)
            else:
                _proxy(aws, method, uris[verb])
        made[f"/r{index}/{{itemId}}"] = uris
    deployment = aws.create_deployment(restApiId=api["id"], stageName=STAGE)
    return MadeApi(
        id=api["id"],
        name=name,
        methods=made,
        resource_ids=tuple(resource_ids),
        deployment_id=deployment["id"],
    )


def _mock(aws: Any, method: dict[str, str], answer: str) -> None:
    aws.put_method(**method, authorizationType="NONE")
    aws.put_method_response(**method, statusCode="200")
    templates = {"application/json": '{"statusCode": 200}'}
    aws.put_integration(**method, type="MOCK", requestTemplates=templates)
    aws.put_integration_response(
        **method, statusCode="200", responseTemplates={"application/json": answer}
    )


def _proxy(aws: Any, method: dict[str, str], uri: str) -> None:
    aws.put_method(
        **method,
        authorizationType="NONE",
        requestParameters={"method.request.path.itemId": True},
    )
    aws.put_integration(
        **method,
        type="HTTP_PROXY",
        integrationHttpMethod=method["httpMethod"],
        uri=uri,
        requestParameters={"integration.request.path.itemId": "method.request.path.itemId"},
    )


def _check_api(aws: Any, api: MadeApi) -> None:
    items = list(_pages(aws, "get_resources", PAGE, restApiId=api.id, embed=["methods"]))
    ids = [item["id"] for item in items]
    _expect(sorted(ids) == sorted(api.resource_ids), f"{api.id}: resources are not those made")
    methods = {
        item["path"]: {
            verb: method["methodIntegration"].get("uri", "")
            for verb, method in item["resourceMethods"].items()
        }
        for item in items
        if item.get("resourceMethods")
    }
    _expect(methods == api.methods, f"{api.id}: methods are {json.dumps(methods)}")
    stage = aws.get_stage(restApiId=api.id, stageName=STAGE)
    _expect(stage["deploymentId"] == api.deployment_id, f"{api.id}: {stage['deploymentId']}")


def _pages(aws: Any, operation: str, size: int, **arguments: Any) -> Iterable[dict[str, Any]]:
    """Yield the items of all pages, each no longer than asked for."""
    paginator = aws.get_paginator(operation)
    for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": size}):
        items = page["items"]
        _expect(len(items) <= size, f"{operation}: a page of {len(items)} where {size} were asked")
        yield from items


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1][:5]


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BrokenPromiseError(otherwise)
