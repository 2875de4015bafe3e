"""TestInvokeMethod through AWS's client, with a backend on a real socket."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509

from tests.backend_certificates import authority, self_signed, server_context
from tests.control_plane import ControlPlane, refusal
from tests.tls_backend import TlsBackend
from tests.wire.apis import answer_with, api_with_method

MOMENT = r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4} : "


class Backend(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {
            "verb": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": sent.decode(),
        }
        content = b"\xff\xfe" if self.path == "/binary" else json.dumps(told).encode()
        self.send_response(418 if self.path == "/tea" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "secret=1")
        self.send_header("X-Two", "a")
        self.send_header("X-Two", "b")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 (the library's name)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def backend() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def proxied(
    aws: Any, uri: str, part: str = "{id}", verb: str = "POST", **more: Any
) -> dict[str, str]:
    """Make a method with an HTTP_PROXY, and return the arguments that name it."""
    api = aws.create_rest_api(name="pets")
    resource = aws.create_resource(
        restApiId=api["id"], parentId=api["rootResourceId"], pathPart=part
    )["id"]
    named = {"restApiId": api["id"], "resourceId": resource, "httpMethod": verb}
    aws.put_method(**named, authorizationType="AWS_IAM", apiKeyRequired=True)
    aws.put_integration(
        **named, **{"type": "HTTP_PROXY", "uri": uri, "integrationHttpMethod": "ANY", **more}
    )
    return named


def lines(told: dict[str, Any]) -> list[str]:
    """Return the log without its moments."""
    first, *rest = told["log"].splitlines()
    assert first.startswith("Execution log for request ")
    assert all(re.match(MOMENT, line) for line in rest), rest
    return [re.sub(MOMENT, "", line) for line in rest]


def test_a_mock_is_invoked_as_it_is_now(control: ControlPlane, aws: Any) -> None:
    api = api_with_method(aws)
    answer_with(aws, api, "$context.stage $stageVariables.name $input.params('q')")

    aws.test_invoke_method(
        **api.method, pathWithQueryString="/pets?q=1", stageVariables={"name": "x"}
    )

    _, status, _, told = control.answers[-1]
    assert status == 200
    assert (told["status"], told["body"]) == (200, "test-invoke-stage x 1")
    assert told["headers"] == {"Content-Type": "application/json"}
    assert told["multiValueHeaders"] == {"Content-Type": ["application/json"]}
    assert told["latency"] >= 0
    log = lines(told)
    assert re.fullmatch(r"Starting execution for request: [0-9a-f-]{36}", log.pop(0))
    assert log == [
        "HTTP Method: GET, Resource Path: /pets",
        "Method request path: {}",
        "Method request query string: {q=1}",
        "Method request headers: {}",
        "Method request body before transformations: ",
        "Method response body after transformations: test-invoke-stage x 1",
        "Method response headers: {Content-Type=application/json}",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]
    assert control.published == [] or not control.published[-1]


def test_a_proxy_s_backend_is_really_called(aws: Any, backend: str) -> None:
    named = proxied(aws, backend + "/pets/{id}")

    told = aws.test_invoke_method(
        **named,
        pathWithQueryString="/7?a=b",
        headers={"X-One": "1", "X-Many": "no", "Content-Length": "999", "Authorization": "key"},
        multiValueHeaders={"x-many": ["2", "3"]},
        body='{"a": 1}',
    )

    sent = json.loads(told["body"])
    assert (told["status"], sent["verb"], sent["path"]) == (200, "POST", "/pets/7?a=b")
    assert sent["body"] == '{"a": 1}'
    assert sent["headers"]["x-one"] == "1"
    assert sent["headers"]["content-length"] == "8"
    assert "no" not in sent["headers"].values()
    assert told["multiValueHeaders"]["X-Two"] == ["a", "b"]
    assert told["headers"]["X-Two"] == "b"
    log = lines(told)
    assert f"Sending request to {backend}/pets/7?a=b" in log
    assert "Method request path: {id=7}" in log
    assert any(re.match(r"Received response. Status: 200, Integration latency: \d+ ms", line)
               for line in log)  # fmt: skip
    assert 'Endpoint request body after transformations: {"a": 1}' in log
    assert "Authorization=****" in told["log"]
    assert "Set-Cookie=****" in told["log"]
    assert "Authorization=key" not in told["log"]


def test_without_a_path_the_template_is_the_path(aws: Any, backend: str) -> None:
    named = proxied(aws, backend + "/x", verb="GET")

    told = aws.test_invoke_method(**named)

    assert told["status"] == 200
    assert "Method request path: {id={id}}" in lines(told)


def test_a_path_that_does_not_fit_has_no_parameters_but_runs(aws: Any, backend: str) -> None:
    named = proxied(aws, backend + "/x", verb="GET")

    told = aws.test_invoke_method(**named, pathWithQueryString="/a/b/c")

    assert told["status"] == 200
    assert "Method request path: {}" in lines(told)


def test_an_any_method_takes_every_verb(aws: Any, backend: str) -> None:
    named = {**proxied(aws, backend + "/tea", verb="ANY")}

    told = aws.test_invoke_method(**{**named, "httpMethod": "POST"}, body="x")
    assert (told["status"], json.loads(told["body"])["verb"]) == (418, "POST")
    assert json.loads(aws.test_invoke_method(**named)["body"])["verb"] == "GET"


def test_a_body_that_is_no_text_is_told_as_such(aws: Any, backend: str) -> None:
    told = aws.test_invoke_method(**proxied(aws, backend + "/binary", verb="GET"))

    assert "Method response body after transformations: [Binary Data: 2 bytes]" in lines(told)


def test_a_backend_that_is_not_there_is_a_failure(aws: Any) -> None:
    with socket.socket() as taken:
        # Nobody listens there, and nobody else can.
        taken.bind(("127.0.0.1", 0))
        named = proxied(aws, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        told = aws.test_invoke_method(**named)

    assert told["status"] == 504
    assert list(told["headers"]) == ["x-amzn-ErrorType"]
    log = lines(told)
    assert log[-2].startswith("Execution failed")
    assert log[-1] == "Method completed with status: 504"


def test_what_is_not_served_yet_answers_500_by_name(aws: Any) -> None:
    api = api_with_method(aws)
    arn = "arn:aws:apigateway:us-east-1:dynamodb:action/GetItem"
    aws.put_integration(**api.method, type="AWS", integrationHttpMethod="POST", uri=arn)

    told = aws.test_invoke_method(**api.method)

    assert told["status"] == 500
    assert json.loads(told["body"]) == {"message": "Internal server error"}
    assert lines(told)[-2:] == [
        "Execution failed due to configuration error: an AWS integration is not enforced yet",
        "Method completed with status: 500",
    ]


def test_the_backend_is_shown_the_certificate_of_the_test(aws: Any) -> None:
    made = aws.generate_client_certificate()
    context = server_context(self_signed(), clients=authority())
    context.load_verify_locations(cadata=made["pemEncodedCertificate"])
    api = api_with_method(aws)
    with TlsBackend(context) as backend:
        aws.put_integration(
            **api.method,
            type="HTTP_PROXY",
            integrationHttpMethod="GET",
            uri=f"https://localhost:{backend.port}/",
            tlsConfig={"insecureSkipVerification": True},
        )
        without = aws.test_invoke_method(**api.method)
        shown = aws.test_invoke_method(
            **api.method, clientCertificateId=made["clientCertificateId"]
        )

    certificate = x509.load_pem_x509_certificate(made["pemEncodedCertificate"].encode())
    assert without["status"] == 504
    assert "CLIENT_CERTIFICATE_REFUSED" in without["log"]
    assert (shown["status"], int(shown["body"], 16)) == (200, certificate.serial_number)
    assert "PRIVATE" not in shown["log"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pathWithQueryString": "/a b"}, "Invalid pathWithQueryString specified"),
        ({"pathWithQueryString": "/../x"}, "Invalid pathWithQueryString specified"),
        ({"pathWithQueryString": "/a HTTP/1.1\r\nX: y"}, "Invalid pathWithQueryString specified"),
        ({"pathWithQueryString": "/" + "a" * 8192}, "pathWithQueryString has at most 8192"),
        ({"headers": {"a b": "c"}}, "Invalid header name specified: 'a b'"),
        ({"headers": {"a": "b\r\nX: y"}}, "Invalid value specified for the header a"),
        ({"multiValueHeaders": {"a": ["b\n"]}}, "Invalid value specified for the header a"),
        ({"headers": {f"a{n}": "" for n in range(101)}}, "A request has at most 100 headers"),
        ({"headers": {"a": "b" * 20480}}, "The headers have at most 20480 bytes"),
        ({"stageVariables": {"a b": "c"}}, "Invalid stage variable name."),
        ({"clientCertificateId": "abc"}, "Invalid Client Certificate identifier specified"),
    ],
)
def test_a_bad_test_is_refused(aws: Any, arguments: dict[str, Any], message: str) -> None:
    api = api_with_method(aws)

    with pytest.raises(ClientError) as error:
        aws.test_invoke_method(**api.method, **arguments)

    code, told = refusal(error)
    assert (code, told[: len(message)]) == ("BadRequestException", message)


def test_an_unknown_method_is_not_found(aws: Any) -> None:
    api = api_with_method(aws)
    for named, message in (
        ({**api.method, "httpMethod": "POST"}, "Invalid Method identifier specified"),
        ({**api.method, "httpMethod": "BREW"}, "Invalid Method identifier specified"),
        ({**api.method, "resourceId": "no"}, "Invalid Resource identifier specified"),
    ):
        with pytest.raises(ClientError) as error:
            aws.test_invoke_method(**named)

        assert refusal(error) == ("NotFoundException", message)


def test_a_method_without_an_integration_is_told_so(aws: Any) -> None:
    api = aws.create_rest_api(name="x")
    named = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    aws.put_method(**named, authorizationType="NONE")

    told = aws.test_invoke_method(**named)

    assert told["status"] == 500
    assert "No integration defined for method" in told["log"]
