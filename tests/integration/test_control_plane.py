"""The control plane of a whole gateway: AWS's client deploys, and the data plane serves it."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.control_plane import patch, refusal
from tests.integration.conftest import StartGateway
from tests.running_gateway import ROOT, RunningGateway, pets, until
from tests.wire.apis import MadeApi, answer_with, api_with_method


def client_of(
    gateway: RunningGateway, key: str = "any", secret: str = "any", service: str = "apigateway"
) -> Any:
    return boto3.client(
        service,
        endpoint_url=gateway.admin_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}),
    )


def deployed(aws: Any, text: str, stage: str = "prod") -> tuple[MadeApi, str]:
    api = api_with_method(aws)
    return api, redeployed(aws, api, text, stage)


def redeployed(aws: Any, api: MadeApi, text: str, stage: str = "prod", **arguments: Any) -> str:
    answer_with(aws, api, text)
    made: str = aws.create_deployment(restApiId=api.id, stageName=stage, **arguments)["id"]
    return made


def called(gateway: RunningGateway, api: str, stage: str = "prod") -> tuple[int, bytes]:
    return gateway.get(f"/_aws/execute-api/{api}/{stage}/pets")


def is_told(gateway: RunningGateway, api: str, text: str) -> bool:
    """Call, and say whether the execution log has the reason."""
    called(gateway, api)
    return is_logged(gateway, text)


def is_logged(gateway: RunningGateway, text: str) -> bool:
    return any(text in path.read_text() for path in gateway.data.rglob("*.log"))


@pytest.fixture
def gateway(start_gateway: StartGateway) -> RunningGateway:
    return start_gateway({})


def test_a_deployment_is_served_at_once_and_rolled_back_at_once(gateway: RunningGateway) -> None:
    aws = client_of(gateway)

    api, first = deployed(aws, "one")
    assert called(gateway, api.id) == (200, b"one")
    redeployed(aws, api, "two")
    assert called(gateway, api.id) == (200, b"two")
    told = aws.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[patch("replace", "/deploymentId", first)],
    )
    assert called(gateway, api.id) == (200, b"one")

    revision = int(told["ResponseMetadata"]["HTTPHeaders"]["x-stagegate-revision"])
    assert gateway.wait_revision(revision)["revision"] == revision
    aws.delete_rest_api(restApiId=api.id)
    assert called(gateway, api.id)[0] == 403


def test_one_large_method_does_not_keep_others_from_being_served(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    large, _ = deployed(aws, "small")
    other, _ = deployed(aws, "one")
    for batch in range(4):
        with pytest.raises(ClientError) as error:
            aws.update_integration(
                **large.method,
                patchOperations=[
                    patch("add", f"/requestTemplates/a~1{batch}-{number}", "x" * 300_000)
                    for number in range(15)
                ],
            )
        assert refusal(error)[0] == "LimitExceededException"
    aws.create_deployment(restApiId=large.id, stageName="prod")

    redeployed(aws, other, "two")

    assert called(gateway, other.id) == (200, b"two")
    assert called(gateway, large.id) == (200, b"small")


def test_a_canary_takes_its_share(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "base")

    redeployed(aws, api, "canary", canarySettings={"percentTraffic": 50.0})

    answers = {called(gateway, api.id) for _ in range(60)}
    assert answers == {(200, b"base"), (200, b"canary")}


def test_a_method_that_asks_for_a_key_is_never_served_without(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "open")

    aws.update_method(**api.method, patchOperations=[patch("replace", "/apiKeyRequired", "true")])
    assert called(gateway, api.id) == (200, b"open")
    aws.create_deployment(restApiId=api.id, stageName="prod")

    assert called(gateway, api.id)[0] == 403
    assert gateway.status()["problems"] == []


@pytest.mark.parametrize(
    ("operation", "source"),
    [
        (patch("replace", "/authorizationType", "AWS_IAM"), "HEADER"),
        (patch("replace", "/apiKeyRequired", "true"), "AUTHORIZER"),
    ],
)
def test_what_is_not_enforced_is_never_served_open(
    gateway: RunningGateway, operation: dict[str, str], source: str
) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "open")

    key_source = patch("replace", "/apiKeySource", source)
    aws.update_rest_api(restApiId=api.id, patchOperations=[key_source])
    aws.update_method(**api.method, patchOperations=[operation])
    assert called(gateway, api.id) == (200, b"open")
    aws.create_deployment(restApiId=api.id, stageName="prod")

    assert called(gateway, api.id)[0] == 500
    told = until(lambda: gateway.status()["problems"], "the method to be named")
    assert [each["owner"].split(",")[0] for each in told] == [f"API {api.id}"]
    assert told[0]["path"].startswith("resources./pets.GET.")
    asked = subprocess.run(
        [sys.executable, "-m", "gateway", "status", "--admin", gateway.admin],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert told[0]["text"] in asked.stderr
    gateway.wait_log("is not enforced yet")
    assert gateway.log.count("is not enforced yet") == 1
    gateway.get(f"/_aws/execute-api/{api.id}/prod/pets")
    aws.delete_rest_api(restApiId=api.id)
    assert gateway.status()["problems"] == []


def test_an_authorizer_and_a_validator_are_never_ignored(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    function = "arn:aws:lambda:us-east-1:000000000000:function:decide"
    for feature in ("authorizationType CUSTOM", "a request validator"):
        api, _ = deployed(aws, "open")
        if feature == "a request validator":
            made = aws.create_request_validator(
                restApiId=api.id, name="all", validateRequestParameters=True
            )
            operations = [patch("replace", "/requestValidatorId", made["id"])]
        else:
            made = aws.create_authorizer(
                restApiId=api.id,
                name="who",
                type="TOKEN",
                identitySource="method.request.header.Authorization",
                authorizerUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                f"{function}/invocations",
            )
            operations = [
                patch("replace", "/authorizationType", "CUSTOM"),
                patch("replace", "/authorizerId", made["id"]),
            ]
        aws.update_method(**api.method, patchOperations=operations)
        aws.create_deployment(restApiId=api.id, stageName="prod")
        aws.update_stage(
            restApiId=api.id,
            stageName="prod",
            patchOperations=[patch("replace", "/*/*/logging/loglevel", "ERROR")],
        )

        assert called(gateway, api.id)[0] == 500
        # Logging was switched on just now: a worker may be late with it.
        until(partial(is_told, gateway, api.id, f"{feature} is not enforced yet"), "the reason")


def test_a_gateway_response_is_served_from_the_next_deployment_on(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    unknown = f"/_aws/execute-api/{api.id}/prod/nothing"

    aws.put_gateway_response(
        restApiId=api.id,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseTemplates={"application/json": '{"told": $context.error.messageString}'},
    )
    assert gateway.get(unknown)[0] == 403
    aws.create_deployment(restApiId=api.id, stageName="prod")

    assert gateway.get(unknown) == (404, b'{"told": "Missing Authentication Token"}')


def test_a_policy_is_never_ignored(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "open")

    policy = patch("replace", "/policy", '{"Version": "2012-10-17", "Statement": []}')
    aws.update_rest_api(restApiId=api.id, patchOperations=[policy])
    aws.create_deployment(restApiId=api.id, stageName="prod")

    assert called(gateway, api.id)[0] == 500


def test_what_files_define_is_seen_and_not_touched(running_gateway: RunningGateway) -> None:
    aws = client_of(running_gateway)
    shown = until(lambda: aws.get_rest_apis()["items"] or None, "the file's API to be shown")

    assert [(api["id"], api["name"]) for api in shown] == [("pets", "Pets")]
    resources = aws.get_resources(restApiId="pets", embed=["methods"])["items"]
    assert [each["path"] for each in resources] == ["/", "/pets"]
    assert resources[1]["resourceMethods"]["GET"]["methodIntegration"]["type"] == "MOCK"
    stage = aws.get_stage(restApiId="pets", stageName="prod")
    assert aws.get_deployment(restApiId="pets", deploymentId=stage["deploymentId"])
    calls: list[Callable[[], Any]] = [
        lambda: aws.delete_rest_api(restApiId="pets"),
        lambda: aws.create_deployment(restApiId="pets"),
        lambda: aws.delete_stage(restApiId="pets", stageName="prod"),
        lambda: aws.tag_resource(
            resourceArn="arn:aws:apigateway:us-east-1::/restapis/pets", tags={"a": "b"}
        ),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error)[0] == "ConflictException"
        assert "pets.yaml" in refusal(error)[1]


def test_a_file_that_is_edited_and_reverted_keeps_its_history(
    running_gateway: RunningGateway,
) -> None:
    aws = client_of(running_gateway)

    def shown() -> list[str]:
        return [each["id"] for each in aws.get_deployments(restApiId="pets")["items"]]

    def deployment() -> str:
        return str(aws.get_stage(restApiId="pets", stageName="prod")["deploymentId"])

    until(lambda: aws.get_rest_apis()["items"] or None, "the file's API to be shown")
    made = aws.get_rest_api(restApiId="pets")["createdDate"]
    first = deployment()
    running_gateway.write("apis/pets.yaml", pets("two"))
    until(lambda: deployment() != first, "the edit to be shown")
    assert shown() == [first, deployment()]
    running_gateway.write("apis/pets.yaml", pets("one"))
    until(lambda: deployment() == first, "the old deployment to come back")

    assert len(shown()) == 2
    assert aws.get_rest_api(restApiId="pets")["createdDate"] == made


def test_a_file_wins_over_an_api_of_the_same_id_and_gives_it_back(
    gateway: RunningGateway,
) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "stored")

    gateway.write(f"apis/{api.id}.yaml", pets("filed"))
    until(lambda: called(gateway, api.id) == (200, b"filed"), "the file to win")
    until(
        lambda: (
            {each["id"] for each in aws.get_rest_apis()["items"]} == {api.id, f"{api.id}.aside"}
        ),
        "the store to show both",
    )
    gateway.write("apis/other.yaml", pets("other"))
    (gateway.config / "apis" / f"{api.id}.yaml").unlink()
    until(lambda: called(gateway, api.id) == (200, b"stored"), "the stored one to come back")

    until(
        lambda: {each["id"] for each in aws.get_rest_apis()["items"]} == {api.id, "other"},
        "the store to show it again",
    )


def test_what_was_made_survives_a_killed_gateway(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api, _ = deployed(aws, "kept")

    control = gateway.status()["control"]["pid"]
    subprocess.run(["kill", "-9", str(control)], check=True)
    until(lambda: gateway.status()["control"]["pid"] != control, "control to come back")
    gateway.wait_revision(1)

    aws = client_of(gateway)
    assert [each["id"] for each in aws.get_rest_apis()["items"]] == [api.id]
    assert called(gateway, api.id) == (200, b"kept")
    redeployed(aws, api, "more")
    assert called(gateway, api.id) == (200, b"more")


def test_a_deployment_that_cannot_be_read_holds_up_no_other(start_gateway: StartGateway) -> None:
    gateway = start_gateway({"apis/pets.yaml": pets("filed")})
    aws = client_of(gateway)
    good, bad = (deployed(aws, text)[0] for text in ("good", "bad"))
    gateway.close()
    with closing(sqlite3.connect(gateway.data / "store.sqlite")) as store:
        (trigger,) = store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%deployment%'"
        ).fetchone()
        store.execute(f"DROP TRIGGER {trigger}")
        store.execute(
            "UPDATE deployment SET definition = '{\"unheardOf\": 1}' WHERE api = "
            "(SELECT sequence FROM rest_api WHERE id = ?)",
            (bad.id,),
        )
        store.commit()
    shutil.rmtree(gateway.data / "release")

    gateway.start()

    assert gateway.pets() == b"filed"
    assert called(gateway, good.id) == (200, b"good")
    assert called(gateway, bad.id)[0] == 403
    gateway.wait_log(f"API {bad.id} stays as it was")
    assert gateway.status()["unserved"].keys() == {bad.id}
    gateway.write("apis/pets.yaml", pets("again"))
    until(lambda: gateway.pets() == b"again", "files to be watched")


def test_users_are_made_on_the_command_line_and_the_trail_is_read_there(
    gateway: RunningGateway,
) -> None:
    made = run(gateway, "user", "add", "alice", "--json")
    key, secret = made["accessKeyId"], made["secretAccessKey"]

    with pytest.raises(ClientError):
        client_of(gateway).get_rest_apis()
    client_of(gateway, key, secret).create_rest_api(name="pets")

    record = run(gateway, "audit", "--json", "--limit", "1")
    assert record["eventName"] == "CreateRestApi"
    assert record["userIdentity"]["userName"] == "alice"
    status, metrics = admin_get(gateway, "/metrics")
    assert status == 200
    assert b"stagegate_control_failed_logins_total 1.0" in metrics


def test_the_admins_own_paths_are_not_aws(gateway: RunningGateway) -> None:
    assert admin_get(gateway, "/healthz")[0] == 200
    assert admin_get(gateway, "/nothing")[0] == 404


def admin_get(gateway: RunningGateway, path: str) -> tuple[int, bytes]:
    host, _, port = gateway.admin.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def run(gateway: RunningGateway, *arguments: str) -> Any:
    """Run a command on the gateway's directories, and return its JSON."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gateway", *arguments),
            *("--data", str(gateway.data), "--config", str(gateway.config)),
        ],
        cwd=Path(ROOT),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_what_the_shared_tables_cannot_hold_is_refused_before_it_is_kept(
    start_gateway: StartGateway,
) -> None:
    """Fifteen methods have a throttle of their own, and the next is told which setting to raise."""
    gateway = start_gateway({"gateway.toml": "[throttle]\nbuckets = 16\n"})
    aws = client_of(gateway)
    limit = [patch("replace", "/*/*/throttling/rateLimit", "5")]
    apis = [deployed(aws, str(number))[0] for number in range(16)]
    for api in apis[:15]:
        aws.update_stage(restApiId=api.id, stageName="prod", patchOperations=limit)

    with pytest.raises(ClientError) as refused:
        aws.update_stage(restApiId=apis[15].id, stageName="prod", patchOperations=limit)
    code, message = (refused.value.response["Error"][name] for name in ("Code", "Message"))
    assert code == "LimitExceededException"
    assert "16 token buckets" in message
    assert "throttle.buckets" in message
    assert aws.get_stage(restApiId=apis[15].id, stageName="prod").get("methodSettings", {}) == {}
    assert called(gateway, apis[15].id) == (200, b"15")
    assert gateway.status()["unserved"] == {}

    aws.delete_rest_api(restApiId=apis[0].id)
    aws.update_stage(restApiId=apis[15].id, stageName="prod", patchOperations=limit)
    gateway.close()
    gateway.start()
    aws = client_of(gateway)
    assert called(gateway, apis[15].id) == (200, b"15")
    with pytest.raises(ClientError, match=r"throttle\.buckets"):
        aws.update_stage(
            restApiId=deployed(aws, "more")[0].id, stageName="prod", patchOperations=limit
        )


def test_half_sent_requests_do_not_keep_the_control_port_from_answering(
    gateway: RunningGateway,
) -> None:
    host, _, port = gateway.admin.rpartition(":")
    with contextlib.ExitStack() as half_sent:
        for _ in range(300):
            connection = socket.create_connection((host, int(port)), timeout=20)
            half_sent.enter_context(connection)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")

        asking = http.client.HTTPConnection(host, int(port), timeout=20)
        asking.request("GET", "/healthz")
        assert asking.getresponse().status == 200
        asking.close()
        assert client_of(gateway).get_rest_apis()["items"] == []
    gateway.wait_log("too many connections")
    assert "Traceback" not in gateway.log
