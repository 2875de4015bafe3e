"""Who may call: AWS's own signer against our verification."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from gateway.clock import SystemClock
from gateway.control.access import Access
from gateway.control.users import User, add_user
from gateway.settings import Address
from tests.control_plane import REGION, ControlPlane, refusal

LOOPBACK = Address("127.0.0.1", 8081)
PUBLIC = Address("0.0.0.0", 8081)


class ShiftedClock:
    """The machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.shift = 0.0

    def now(self) -> float:
        return SystemClock.now()

    def epoch(self) -> float:
        return SystemClock.epoch() + self.shift


class Guarded:
    """A control plane with users."""

    def __init__(self, directory: Path, address: Address) -> None:
        self.data = directory / "data"
        self.clock = ShiftedClock()
        self._directory = directory
        self._address = address
        self.start()

    def start(self) -> None:
        self.access = Access(self.data, self._address, self.clock)
        self.plane = ControlPlane(self._directory, self.access)

    def restart(self) -> None:
        """Begin anew with what is on disk."""
        self.plane.close()
        self.start()

    def client(self, user: User | None, *, region: str = REGION, secret: str = "") -> Any:
        key = ("AKIDNOBODY", "nothing") if user is None else (user.access_key, user.secret_key)
        return boto3.client(
            "apigateway",
            endpoint_url=self.plane.url,
            region_name=region,
            aws_access_key_id=key[0],
            aws_secret_access_key=secret or key[1],
            config=Config(retries={"max_attempts": 0}),
        )

    def signed(
        self, user: User, verb: str, path: str, body: bytes = b"", query: str = ""
    ) -> dict[str, str]:
        """Return the headers with which AWS's signer would send a request."""
        url = f"{self.plane.url}{path}{'?' if query else ''}{query}"
        request = AWSRequest(method=verb, url=url, data=body)
        SigV4Auth(Credentials(user.access_key, user.secret_key), "apigateway", REGION).add_auth(
            request
        )
        host = self.plane.url.removeprefix("http://")
        return {"host": host, **{name.lower(): text for name, text in request.headers.items()}}

    def status(
        self,
        headers: dict[str, str],
        verb: str,
        path: str,
        body: bytes = b"",
        query: str = "",
    ) -> tuple[int, str | None]:
        answer = self.plane.send(verb, path, body, query, **headers)
        return answer.status, answer.headers.get("x-amzn-ErrorType")

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and return the answer's until its end."""
        with socket.create_connection(("127.0.0.1", self.plane.port), timeout=20) as connection:
            connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    made = Guarded(tmp_path, PUBLIC)
    yield made
    made.plane.close()


@pytest.fixture
def admin(guarded: Guarded) -> User:
    return add_user(guarded.data, "alice", "admin")


def test_nobody_may_call_a_public_address_without_users(guarded: Guarded) -> None:
    assert guarded.status({}, "GET", "/restapis") == (403, "AccessDeniedException")


def test_nobody_may_call_a_public_address_unsigned(guarded: Guarded, admin: User) -> None:
    outcome = guarded.status({"host": "127.0.0.1"}, "GET", "/restapis")

    assert outcome == (403, "MissingAuthenticationTokenException")
    assert guarded.access.failed_logins == 1


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_user_signs_from_any_region(guarded: Guarded, admin: User, region: str) -> None:
    client = guarded.client(admin, region=region)
    api = client.create_rest_api(name="ä b+c", tags={"a": "b c/ü"})["id"]

    arn = f"arn:aws:apigateway:{region}::/restapis/{api}"
    assert client.get_tags(resourceArn=arn)["tags"] == {"a": "b c/ü"}
    client.untag_resource(resourceArn=arn, tagKeys=["a", "b c/ü+"])
    assert client.get_rest_apis(limit=3, position="WzBd")["items"][0]["name"] == "ä b+c"


def test_the_audit_record_names_the_user(guarded: Guarded, admin: User) -> None:
    guarded.client(admin).create_rest_api(name="pets")

    identity = guarded.plane.last_audit()["userIdentity"]
    assert identity == {
        "type": "IAMUser",
        "accountId": "000000000000",
        "userName": "alice",
        "accessKeyId": admin.access_key,
    }


def test_a_read_only_user_may_only_get(guarded: Guarded) -> None:
    client = guarded.client(add_user(guarded.data, "bob", "read-only"))

    assert client.get_rest_apis()["items"] == []
    with pytest.raises(ClientError) as error:
        client.create_rest_api(name="pets")
    assert refusal(error)[0] == "AccessDeniedException"


def test_a_read_only_user_sees_no_values_of_keys(guarded: Guarded, admin: User) -> None:
    master = guarded.client(admin)
    key = master.create_api_key(name="a", enabled=True)["id"]
    plan = master.create_usage_plan(name="p")["id"]
    master.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    reader = guarded.client(add_user(guarded.data, "bob", "read-only"))

    def values(client: Any) -> list[str]:
        listed = client.get_usage_plan_keys(usagePlanId=plan)["items"]
        return [
            client.get_api_key(apiKey=key, includeValue=True)["value"],
            client.get_api_keys(includeValues=True)["items"][0]["value"],
            client.get_usage_plan_key(usagePlanId=plan, keyId=key)["value"],
            listed[0]["value"],
        ]

    assert set(values(reader)) == {"HIDDEN_DUE_TO_SECURITY_REASONS"}
    (secret,) = set(values(master))
    assert len(secret) == 40


def test_refused_mutations_are_in_the_trail(guarded: Guarded, admin: User) -> None:
    reader = add_user(guarded.data, "bob", "read-only")
    for client, name, type_ in (
        (guarded.client(reader), "bob", "IAMUser"),
        (guarded.client(admin, secret="wrong"), "unknown", "Unknown"),
    ):
        with pytest.raises(ClientError):
            client.delete_rest_api(restApiId="a")

        record = guarded.plane.last_audit()
        assert (record["eventName"], record["userIdentity"]["userName"]) == ("DeleteRestApi", name)
        assert record["userIdentity"]["type"] == type_
        assert record["errorCode"]


def test_an_unknown_key_and_a_wrong_secret_are_refused(guarded: Guarded, admin: User) -> None:
    for client, code in (
        (guarded.client(None), "UnrecognizedClientException"),
        (guarded.client(admin, secret="wrong"), "InvalidSignatureException"),
    ):
        with pytest.raises(ClientError) as error:
            client.get_rest_apis()
        assert refusal(error)[0] == code
    assert guarded.access.failed_logins == 2


@pytest.mark.parametrize("shift", [-301.0, 301.0])
def test_a_clock_five_minutes_off_is_refused(guarded: Guarded, admin: User, shift: float) -> None:
    guarded.clock.shift = shift

    with pytest.raises(ClientError) as error:
        guarded.client(admin).get_rest_apis()

    assert refusal(error)[0] == "InvalidSignatureException"


@pytest.mark.parametrize("shift", [-290.0, 290.0])
def test_a_clock_less_than_five_minutes_off_is_fine(
    guarded: Guarded, admin: User, shift: float
) -> None:
    guarded.clock.shift = shift

    assert guarded.client(admin).get_rest_apis()["items"] == []


def test_a_changed_body_path_query_or_header_is_refused(guarded: Guarded, admin: User) -> None:
    body = b'{"name": "pets"}'
    headers = guarded.signed(admin, "POST", "/restapis", body)
    wrong = (403, "InvalidSignatureException")

    assert guarded.status(headers, "POST", "/restapis", b'{"name": "dogs"}') == wrong
    assert guarded.status(headers, "POST", "/apikeys", body) == wrong
    assert guarded.status(headers, "POST", "/restapis", body, "a=b") == wrong
    assert guarded.status({**headers, "host": "other"}, "POST", "/restapis", body) == wrong
    assert guarded.status({**headers, "x-amz-new": "1"}, "POST", "/restapis", body) == wrong
    assert guarded.status({**headers, "x-amz-date": "now"}, "POST", "/restapis", body) == wrong
    assert guarded.status(headers, "POST", "/restapis", body)[0] == 201


def test_a_signed_query_means_what_was_signed(guarded: Guarded, admin: User) -> None:
    arn = "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F"
    api = guarded.client(admin).create_rest_api(name="a", tags={"a b": "", "a+b": ""})["id"]
    headers = guarded.signed(admin, "DELETE", f"/tags/{arn}{api}", query="tagKeys=a%2Bb")

    outcome = guarded.status(headers, "DELETE", f"/tags/{arn}{api}", query="tagKeys=a+b")

    assert outcome == (204, None)
    assert guarded.client(admin).get_rest_api(restApiId=api)["tags"] == {"a b": ""}


def test_a_reordered_query_means_the_same(guarded: Guarded, admin: User) -> None:
    client = guarded.client(admin)
    for name in "ab":
        client.create_rest_api(name=name)
    headers = guarded.signed(admin, "GET", "/restapis", query="limit=1&limit=2")

    answers = [
        guarded.plane.send("GET", "/restapis", b"", query, **headers)
        for query in ("limit=1&limit=2", "limit=2&limit=1")
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body


def test_a_signed_request_is_understood_byte_by_byte(guarded: Guarded, admin: User) -> None:
    headers = guarded.signed(admin, "POST", "/restapis", b'{"name": "a"}')
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    agent = b"User-Agent: \xff\x80 \xc2\x9b31m" + "ä".encode() + b"\r\nContent-Length: 13\r\n"

    for line, body in (
        (b"POST /restapis HTTP/1.1\r\n", b'{"name": "b"}'),
        (b"POST /restapis?a=%FF HTTP/1.1\r\n", b'{"name": "a"}'),
    ):
        answer = guarded.raw(line + head + agent + b"\r\n" + body)
        assert answer.split(b" ", 2)[1] in (b"400", b"403"), answer
        assert b"x-amzn-ErrorType" in answer
    answer = guarded.raw(b"POST /restapis HTTP/1.1\r\n" + head + agent + b"\r\n" + b'{"name": "a"}')

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert (
        guarded.plane.last_audit()["userAgent"]
        == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}31mä"
    )


def test_odd_bytes_in_a_signed_query_are_signed_as_they_are(guarded: Guarded, admin: User) -> None:
    headers = guarded.signed(admin, "GET", "/restapis", query="limit=%FF")

    assert guarded.status(headers, "GET", "/restapis", query="limit=%FF") == (
        400,
        "BadRequestException",
    )
    assert guarded.status(headers, "GET", "/restapis", query="limit=%FE")[0] == 403
    # A parser that lets them through gives them as surrogates.
    assert guarded.status(headers, "GET", "/restapis/\udcff")[0] == 400
    assert guarded.status(headers, "GET", "/restapis", query="limit=\udcff")[0] == 400


def test_a_mutation_is_not_replayed_but_a_read_may_be(guarded: Guarded, admin: User) -> None:
    body = b'{"name": "pets"}'
    mutation = guarded.signed(admin, "POST", "/restapis", body)
    read = guarded.signed(admin, "GET", "/restapis")

    assert guarded.status(mutation, "POST", "/restapis", body)[0] == 201
    assert guarded.status(mutation, "POST", "/restapis", body) == (403, "InvalidSignatureException")
    assert guarded.status(read, "GET", "/restapis")[0] == 200
    assert guarded.status(read, "GET", "/restapis")[0] == 200


def test_a_restart_does_not_make_a_signature_good_again(guarded: Guarded, admin: User) -> None:
    body = b'{"name": "pets"}'
    made = guarded.signed(admin, "POST", "/restapis", body)
    refused = guarded.signed(admin, "DELETE", "/restapis/nowhere")
    tested = guarded.signed(admin, "POST", "/restapis/nowhere/resources/r/methods/GET", b"{}")
    assert guarded.status(made, "POST", "/restapis", body)[0] == 201
    assert guarded.status(refused, "DELETE", "/restapis/nowhere")[0] == 404
    path = "/restapis/nowhere/resources/r/methods/GET"
    assert guarded.status(tested, "POST", path, b"{}")[0] == 404

    guarded.restart()

    used = (403, "InvalidSignatureException")
    assert guarded.status(made, "POST", "/restapis", body) == used
    assert guarded.status(refused, "DELETE", "/restapis/nowhere") == used
    assert guarded.status(tested, "POST", path, b"{}") == used
    assert len(guarded.client(admin).get_rest_apis()["items"]) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YTpi",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=" + "A" * 100_000,
        "AWS4-HMAC-SHA256 " + "Credential=," * 10_000,
    ],
)
def test_a_header_that_is_no_signature_is_refused(
    guarded: Guarded, admin: User, header: str
) -> None:
    outcome = guarded.status({"host": "h", "authorization": header}, "GET", "/restapis")

    assert outcome == (403, "IncompleteSignatureException")


def test_a_signature_for_another_service_is_refused(guarded: Guarded, admin: User) -> None:
    headers = guarded.signed(admin, "GET", "/restapis")
    headers["authorization"] = headers["authorization"].replace("/apigateway/", "/s3/")

    assert guarded.status(headers, "GET", "/restapis") == (403, "InvalidSignatureException")


def test_a_removed_user_is_out_at_once(guarded: Guarded, admin: User) -> None:
    client = guarded.client(admin)
    assert client.get_rest_apis()["items"] == []

    (guarded.data / "users.toml").write_text("")

    with pytest.raises(ClientError):
        client.get_rest_apis()


def test_a_file_that_others_may_read_opens_nothing(guarded: Guarded, admin: User) -> None:
    (guarded.data / "users.toml").chmod(0o644)

    with pytest.raises(ClientError) as error:
        guarded.client(admin).get_rest_apis()

    assert refusal(error)[0] == "AccessDeniedException"


class TestOnLoopback:
    @pytest.fixture
    def local(self, tmp_path: Path) -> Iterator[Guarded]:
        made = Guarded(tmp_path, LOOPBACK)
        yield made
        made.plane.close()

    def test_any_credentials_do_as_long_as_there_are_no_users(self, local: Guarded) -> None:
        assert local.client(None).get_rest_apis()["items"] == []

    def test_a_wrong_signature_is_refused_once_there_are_users(self, local: Guarded) -> None:
        add_user(local.data, "alice", "admin")

        with pytest.raises(ClientError):
            local.client(None).get_rest_apis()

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "localhost:8081", "origin": "https://evil.example"},
            {"host": "localhost:8081", "origin": "null"},
            {"host": "localhost:8081", "origin": "http://localhost:9999"},
            {"host": "evil.example:8081"},
            {"host": ""},
            {"host": "localhost:8081", "sec-fetch-site": "cross-site"},
        ],
    )
    def test_a_web_page_cannot_call(self, local: Guarded, headers: dict[str, str]) -> None:
        assert local.status(headers, "POST", "/restapis", b"{}") == (403, "AccessDeniedException")

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "localhost"},
            {"host": "127.0.0.1:8081", "origin": "http://127.0.0.1:8081"},
            {"host": "[::1]:8081"},
        ],
    )
    def test_unsigned_calls_are_fine(self, local: Guarded, headers: dict[str, str]) -> None:
        body = json.dumps({"name": "pets"}).encode()

        assert local.status(headers, "POST", "/restapis", body)[0] == 201

    def test_an_odd_user_agent_keeps_nobody_out(self, local: Guarded) -> None:
        head = b"POST /restapis HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\xff\xfe\x9b\r\n"
        body = b'{"name": "a"}'

        answer = local.raw(head + b"Content-Length: 13\r\n\r\n" + body)

        assert answer.startswith(b"HTTP/1.1 201 ")
        assert local.plane.last_audit()["userAgent"] == "a" + "\N{REPLACEMENT CHARACTER}" * 3
