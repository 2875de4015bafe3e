"""Where a whole gateway's requests go: sockets of this machine, VPC links, and how long it waits.

Also every line of docs/backends.md.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.backend_certificates import Pair, authority, issued, self_signed, server_context
from tests.console import Shell, examples, here, matches, reader_environment, sample_files
from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, is_logged
from tests.running_gateway import ROOT, RunningGateway, until
from tests.sample_backend import running_backend
from tests.tls_backend import TlsBackend
from tests.wire.apis import api_with_method

PAGE = ROOT / "docs/backends.md"

APP = """\
resources:
  /pets/{petId}:
    GET: {integration: {type: HTTP_PROXY, uri: "http://${stageVariables.app}/pets/{petId}"}}
stages:
  prod: {variables: {app: "unix:SOCKET:"}}
  lost: {variables: {app: "unix:SOCKET.lost:"}}
  forbidden: {variables: {app: "unix:/run/elsewhere.sock:"}}
"""


class App(BaseHTTPRequestHandler):
    """Tells what it was asked for, over HTTP/1.1 on any stream."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = json.dumps({"path": self.path, "host": self.headers["Host"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Path]:
    """The socket of an application on this machine."""
    path = tmp_path / "sockets" / "app.sock"
    path.parent.mkdir()

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with Server(str(path), App) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def execution_log(gateway: RunningGateway, api: str, text: str) -> None:
    """Wait until an execution log of an API says something."""
    until(lambda: is_logged(gateway, text), f"{api} to log {text}")


def test_socket_of_this_machine_is_a_backend_where_it_is_allowed(
    start_gateway: StartGateway, app: Path
) -> None:
    settings = f'[backends]\nunix_directory = "{app.parent}"\n'
    text = APP.replace("SOCKET", str(app))
    gateway = start_gateway({"gateway.toml": settings, "apis/app.yaml": text})
    answers = [gateway.get("/_aws/execute-api/app/prod/pets/7?a=b") for _ in range(3)]

    assert {status for status, _ in answers} == {200}
    assert json.loads(answers[0][1]) == {"path": "/pets/7?a=b", "host": "localhost"}
    for stage, failure in (("lost", "SOCKET_NOT_THERE"), ("forbidden", "SOCKET_NOT_ALLOWED")):
        assert gateway.get(f"/_aws/execute-api/app/{stage}/pets/7") == (
            504,
            b'{"message":"Network error communicating with endpoint"}',
        )
        gateway.wait_log(f"backend: {failure}: ")


def test_socket_is_no_backend_unless_the_settings_say_so(
    start_gateway: StartGateway, app: Path
) -> None:
    gateway = start_gateway({"apis/app.yaml": APP.replace("SOCKET", str(app))})

    assert gateway.get("/_aws/execute-api/app/prod/pets/7")[0] == 504
    gateway.wait_log("SOCKET_NOT_ALLOWED")


LINKED = """\
resources:
  /{proxy+}:
    ANY:
      integration:
        type: HTTP_PROXY
        uri: "http://shop.internal/{proxy}"
        connectionType: VPC_LINK
        connectionId: "${stageVariables.link}"
stages:
  prod: {variables: {link: shop}}
  lost: {variables: {link: nobody}, methodSettings: {"*/*": {loggingLevel: ERROR}}}
"""


def test_link_of_files_leads_to_its_addresses_and_to_the_next_ones(
    start_gateway: StartGateway,
) -> None:
    with running_backend() as first, running_backend() as second:
        links = f"shop: {{targets: ['127.0.0.1:1', '{first}']}}\n"
        gateway = start_gateway({"vpc-links.yaml": links, "apis/shop.yaml": LINKED})
        told = json.loads(gateway.get("/_aws/execute-api/shop/prod/a/b")[1])
        assert (told["path"], told["headers"][0]) == ("/a/b", ["Host", "shop.internal"])

        assert gateway.get("/_aws/execute-api/shop/lost/a")[0] == 500
        execution_log(gateway, "shop", "the VPC link 'nobody' leads nowhere")
        assert "'nobody' leads nowhere" in " ".join(gateway.reload_problems())

        revision = gateway.status()["revision"]
        gateway.write("vpc-links.yaml", f"shop: {{targets: ['{second}']}}\n")
        gateway.wait_revision(revision + 1)
        # Only the second was asked: the first has ended, and nobody noticed.
        assert gateway.get("/_aws/execute-api/shop/prod/a")[0] == 200


def test_link_made_by_awss_client_leads_to_what_its_target_stands_for(
    start_gateway: StartGateway,
) -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/shop/50dc6c495c0c"
    with running_backend() as backend:
        gateway = start_gateway({"vpc-links.yaml": f'"{arn}": {{targets: ["{backend}"]}}\n'})
        aws = client_of(gateway)
        link = aws.create_vpc_link(name="shop", targetArns=[arn])["id"]
        api = aws.create_rest_api(name="shop")["id"]
        root = aws.get_resources(restApiId=api)["items"][0]["id"]
        method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        aws.put_method(**method, authorizationType="NONE")
        aws.put_integration(
            **method,
            type="HTTP_PROXY",
            integrationHttpMethod="GET",
            uri="http://shop.internal/pets",
            connectionType="VPC_LINK",
            connectionId="${stageVariables.link}",
        )
        aws.create_deployment(restApiId=api, stageName="prod", variables={"link": link})
        status, body = gateway.get(f"/_aws/execute-api/{api}/prod/")
        assert (status, json.loads(body)["path"]) == (200, "/pets")

        operation = patch("replace", "/variables/link", "nobody")
        aws.update_stage(restApiId=api, stageName="prod", patchOperations=[operation])
        assert gateway.get(f"/_aws/execute-api/{api}/prod/")[0] == 500


def test_target_behind_a_link_has_its_own_addresses_also_in_a_clone(
    start_gateway: StartGateway,
) -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer"
    network, application = f"{arn}/net/shop/50dc", f"{arn}/app/shop/60dc"
    with running_backend() as backend:
        addresses = {network: "127.0.0.1:1", application: backend}
        links = "".join(f"{name}: {{targets: ['{at}']}}\n" for name, at in addresses.items())
        aws = client_of(gateway := start_gateway({"vpc-links.yaml": links}))
        made = api_with_method(aws)
        aws.put_integration(
            **made.method,
            type="HTTP_PROXY",
            integrationHttpMethod="GET",
            uri="http://shop.internal/pets",
            connectionType="VPC_LINK",
            connectionId=aws.create_vpc_link(name="shop", targetArns=[network])["id"],
            integrationTarget=application,
        )
        clone = aws.create_rest_api(name="clone", cloneFrom=made.id)["id"]
        for api in (made.id, clone):
            aws.create_deployment(restApiId=api, stageName="prod")
            status, body = gateway.get(f"/_aws/execute-api/{api}/prod/pets")
            assert (status, json.loads(body)["path"]) == (200, "/pets")
        assert aws.test_invoke_method(**made.method)["status"] == 200


SLOW = """\
resources:
  /{proxy+}:
    GET:
      integration: {type: HTTP_PROXY, uri: "http://BACKEND/{proxy}", timeoutInMillis: 500}
stages:
  prod: {methodSettings: {"*/*": {loggingLevel: ERROR}}}
"""


def test_backend_has_its_time_until_the_head_and_then_between_bytes(
    start_gateway: StartGateway,
) -> None:
    with running_backend() as backend:
        gateway = start_gateway(
            {
                "gateway.toml": "[timeouts]\nresponse_idle_seconds = 0.3\n",
                "apis/slow.yaml": SLOW.replace("BACKEND", backend),
            }
        )
        # No head in 500 ms.
        assert gateway.get("/_aws/execute-api/slow/prod/slow/5") == (
            504,
            b'{"message":"Endpoint request timed out"}',
        )
        # A head, and a byte now and then: longer than 500 ms in all. A busy machine makes pauses of
        # its own, so that not every attempt succeeds; one that may not never would.
        drip = "/_aws/execute-api/slow/prod/drip?n=7&interval=0.1"
        until(lambda: whole(gateway, drip) == (200, b"x" * 7), "the whole body")
        # A head, and then nothing: the answer breaks off.
        stall = "/_aws/execute-api/slow/prod/fault/stall-body"
        until(lambda: whole(gateway, stall) is None, "the answer to break off")


def whole(gateway: RunningGateway, path: str) -> tuple[int, bytes] | None:
    """Return status and body; None: the answer broke off."""
    try:
        return gateway.get(path)
    except (http.client.IncompleteRead, ConnectionResetError):
        return None


def files_of(page: str) -> list[tuple[int, str, str]]:
    """Return line, name below `config/` and content of the files that a page shows."""
    return [
        (page.count("\n", 0, found.start()), found[1], found[2])
        for found in re.finditer(r"```yaml\n# config/(\S+)\n(.*?)```", page, re.DOTALL)
    ]


def test_every_line_of_the_page_about_backends_does_what_it_says(
    start_gateway: StartGateway,
) -> None:
    if shutil.which("curl") is None or shutil.which("openssl") is None:
        pytest.skip("curl or openssl is not installed on this machine")
    page = examples(PAGE)
    files = files_of(PAGE.read_text("utf-8"))
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend))
        shell = Shell(gateway.config.parent, reader_environment())
        for example in page:
            while files and files[0][0] < example.line:
                _, name, text = files.pop(0)
                gateway.write(name, here(text, gateway, backend))
            answer = shell.run(here(example.command, gateway, backend))

            assert matches(answer, here(example.expected, gateway, backend)), (
                f"line {example.line}: $ {example.command}\n{answer}"
            )

    assert len(page) == PAGE.read_text("utf-8").count("\n$ ") > 0
    assert files == []


WRONG: dict[str, tuple[Callable[[], Pair], str]] = {
    "expired": (lambda: issued(days=(-3, -1)), "CERTIFICATE_EXPIRED"),
    "stranger": (lambda: issued(by=authority("Another")), "CERTIFICATE_UNKNOWN_ISSUER"),
    "elsewhere": (lambda: issued(names=("elsewhere.test",)), "CERTIFICATE_WRONG_HOST"),
    "selfmade": (self_signed, "CERTIFICATE_SELF_SIGNED"),
}


def https_resource(path: str, port: int, more: str = "") -> str:
    uri = f"https://localhost:{port}/"
    return f'  /{path}: {{GET: {{integration: {{type: HTTP_PROXY, uri: "{uri}"{more}}}}}}}\n'


def test_wrong_certificates_are_integration_failures_with_names_in_every_log(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(authority().pem)
    with contextlib.ExitStack() as stack:
        resources = ""
        for name, (make, _) in {**WRONG, "right": (issued, "")}.items():
            backend = stack.enter_context(TlsBackend(server_context(make())))
            resources += https_resource(name, backend.port)
            if name == "selfmade":
                skipped = ", tlsConfig: {insecureSkipVerification: true}"
                resources += https_resource("skipped", backend.port, skipped)
        gateway = start_gateway(
            {
                "gateway.toml": f'[backends]\nca_bundle = "{bundle}"\n',
                "apis/tls.yaml": f"""\
resources:
{resources}
stages:
  prod:
    accessLogSettings:
      destination: access.log
      format: "$context.requestId $context.resourcePath $context.integration.error"
    methodSettings: {{"*/*": {{loggingLevel: ERROR}}}}
""",
            }
        )
        answers = {
            name: gateway.get(f"/_aws/execute-api/tls/prod/{name}")
            for name in (*WRONG, "right", "skipped")
        }

    wrong = (504, b'{"message":"Network error communicating with endpoint"}')
    assert answers == {**dict.fromkeys(WRONG, wrong), "right": (200, b""), "skipped": (200, b"")}
    for name, (_, failure) in WRONG.items():
        execution_log(gateway, "tls", f"error: {failure}: the certificate of localhost:")
        execution_log(gateway, "tls", f"/{name} {failure}: ")
        gateway.wait_log(f"no connection to a backend: {failure}: ")
