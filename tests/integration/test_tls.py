"""TLS of a whole gateway: certificates by name, reloads, policies, redirects."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed
from tests.running_gateway import RunningGateway, pets, until
from tests.sample_backend import running_backend
from tests.tls_client import ask, connected, trusting

TLS = ("--listen-tls", "127.0.0.1:0")
A, B = "a.example.com", "b.example.com"
MAPPED = "basePathMappings: [{restApiId: pets, stage: prod}]"
DOMAINS = f"""\
{A}:
  certificateFile: keys/a.pem
  privateKeyFile: keys/a.key
  {MAPPED}
{B}:
  regionalCertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/b
  {MAPPED}
"""
FILES = {"apis/pets.yaml": pets(), "domains.yaml": DOMAINS}

Start = Callable[..., RunningGateway]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def start(start_gateway: StartGateway, authority: Authority, tmp_path: Path) -> Start:
    """Start a gateway with TLS, certificates for both domains, and the files given."""

    def with_certificates(files: dict[str, str], *flags: str) -> RunningGateway:
        made = {
            "keys/a.pem": (issued := authority.server(A)).chain,
            "keys/a.key": issued.key,
            "certificates/b.pem": (issued := authority.server(B)).chain,
            "certificates/b.key": issued.key,
        }
        return start_gateway({**made, **files}, *TLS, *flags)

    return with_certificates


def shown(gateway: RunningGateway, name: str, authority: Authority) -> bytes:
    """Return the certificate that a new connection gets, DER."""
    with connected(gateway.listen_tls, name, trusting(authority)) as client:
        return client.server_certificate


def refused(gateway: RunningGateway, name: str | None, context: ssl.SSLContext) -> str:
    """Return why there is no connection."""
    with (
        pytest.raises((ssl.SSLError, ConnectionError)) as error,
        connected(gateway.listen_tls, name, context),
    ):
        pass
    return str(getattr(error.value, "reason", error.value))


def test_each_domain_has_its_own_certificate(start: Start, authority: Authority) -> None:
    gateway = start(FILES)
    context = trusting(authority)

    # The client's own check of the name is on.
    assert ask(gateway.listen_tls, A, context, A, "/pets") == (200, b"one")
    assert ask(gateway.listen_tls, B, context, B, "/pets") == (200, b"one")
    assert gateway.reload_problems() != []  # keys/a.key may be read by others
    told = gateway.status()
    assert set(told["certificates"]) == {A, B}
    assert told["listen_tls"] == gateway.listen_tls


def test_names_without_a_certificate_are_refused(start: Start, authority: Authority) -> None:
    gateway = start(FILES)
    context = trusting(authority)

    assert refused(gateway, "other.example.com", context) == "TLSV1_UNRECOGNIZED_NAME"
    assert refused(gateway, None, context) == "TLSV1_UNRECOGNIZED_NAME"


def test_a_default_certificate_serves_all_other_names(start: Start, authority: Authority) -> None:
    issued = authority.server("*.execute-api.example.com")
    settings = '[tls]\ndefault_certificate_file = "keys/default.pem"\n'
    files = {"gateway.toml": settings, "keys/default.pem": issued.chain + issued.key}
    gateway = start({**FILES, **files})
    context = trusting(authority)
    host = "pets.execute-api.example.com"

    assert ask(gateway.listen_tls, host, context, host, "/prod/pets") == (200, b"one")
    path = "/_aws/execute-api/pets/prod/pets"
    assert ask(gateway.listen_tls, None, context, "localhost", path) == (200, b"one")
    assert shown(gateway, A, authority) != issued.der


def test_a_rotated_certificate_serves_new_connections_and_ends_none(
    start: Start, authority: Authority
) -> None:
    gateway = start(FILES)
    before = shown(gateway, A, authority)
    with connected(gateway.listen_tls, A, trusting(authority)) as kept:
        assert kept.get(A, "/pets") == (200, b"one")
        issued = authority.server(A)

        issued.write(gateway.config / "keys", "a")
        until(lambda: shown(gateway, A, authority) == issued.der, "the new certificate")

        assert kept.server_certificate == before != issued.der
        assert kept.get(A, "/pets") == (200, b"one")
    assert not [each for each in gateway.reload_problems() if "users of this machine" in each]


def test_a_broken_rotation_keeps_the_last_good_one_and_is_named(
    start: Start, authority: Authority
) -> None:
    gateway = start(FILES)
    before = shown(gateway, A, authority)

    gateway.write("keys/a.pem", authority.server(A).chain)  # the key is still the other's
    until(lambda: not gateway.status()["last_reload"]["ok"], "the problem")
    (problem,) = (each for each in gateway.reload_problems() if "another certificate" in each)
    assert problem.startswith(f"{gateway.config / 'keys/a.key'}: {A}.privateKeyFile: ")
    gateway.write("keys/a.pem", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")
    until(lambda: any("is it cut" in each for each in gateway.reload_problems()), "the next")

    assert shown(gateway, A, authority) == before
    gateway.close()
    gateway.start()
    # A start has it, too: broken files take nothing away.
    assert shown(gateway, A, authority) == before


def test_a_key_is_in_no_other_file_than_its_own_and_the_copy(
    start: Start, authority: Authority
) -> None:
    gateway = start(FILES)
    key = (gateway.config / "keys/a.key").read_text().splitlines()[1]
    assert shown(gateway, A, authority)

    gateway.write("keys/a.pem", authority.server(A).chain)
    until(lambda: not gateway.status()["last_reload"]["ok"], "the problem")

    holding = {
        path.relative_to(gateway.data)
        for path in gateway.data.rglob("*")
        if path.is_file() and key.encode() in path.read_bytes()
    }
    assert [path.parts[0] for path in holding] == ["tls"]
    (copy,) = (gateway.data / path for path in holding)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert key not in gateway.log
    assert key not in str(gateway.status())


def test_a_policy_of_tls_1_3_refuses_1_2(start: Start, authority: Authority) -> None:
    domains = (
        DOMAINS
        + f"""\
c.example.com:
  certificateFile: keys/c.pem
  securityPolicy: SecurityPolicy_TLS13_1_3_2025_09
  {MAPPED}
"""
    )
    issued = authority.server("c.example.com")
    gateway = start({**FILES, "domains.yaml": domains, "keys/c.pem": issued.chain + issued.key})
    old = trusting(authority, newest=ssl.TLSVersion.TLSv1_2)

    assert ask(gateway.listen_tls, A, old, A, "/pets")[0] == 200
    assert refused(gateway, "c.example.com", old) == "TLSV1_ALERT_PROTOCOL_VERSION"
    new = trusting(authority)
    assert ask(gateway.listen_tls, "c.example.com", new, "c.example.com", "/pets")[0] == 200


def test_strict_access_wants_the_name_of_the_handshake_in_host(
    start: Start, authority: Authority
) -> None:
    domains = DOMAINS.replace(f"{B}:", f"{B}:\n  endpointAccessMode: STRICT", 1)
    gateway = start({**FILES, "domains.yaml": domains})
    context = trusting(authority)

    assert ask(gateway.listen_tls, B, context, B, "/pets") == (200, b"one")
    assert ask(gateway.listen_tls, A, context, B, "/pets")[0] == 403
    assert gateway.get("/pets", Host=B)[0] == 403
    # A domain of mode BASIC does not care.
    assert ask(gateway.listen_tls, B, context, A, "/pets") == (200, b"one")


def test_http_is_redirected_where_https_is_served(start: Start, authority: Authority) -> None:
    gateway = start({**FILES, "gateway.toml": "[tls]\nredirect_http = true\n"})
    port = gateway.listen_tls.rpartition(":")[2]
    host, _, plain = gateway.listen.rpartition(":")
    with socket.create_connection((host, int(plain))) as client:
        head = f"Host: {A}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        client.sendall(f"POST /pets?a=%20b HTTP/1.1\r\n{head}".encode())
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 308 ")
    assert f"Location: https://{A}:{port}/pets?a=%20b\r\n".encode() in answer
    # Where no certificate is, HTTPS would be an error.
    assert gateway.pets() == b"one"
    assert ask(gateway.listen_tls, A, trusting(authority), A, "/pets") == (200, b"one")


def test_clients_certificates_have_arns(start: Start, authority: Authority) -> None:
    gateway = start({})
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    arn = "arn:aws:acm:us-east-1:000000000000:certificate/"
    aws.create_domain_name(
        domainName=B,
        regionalCertificateArn=arn + "b",
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
    )
    aws.create_base_path_mapping(domainName=B, restApiId=api.id, stage="prod")
    assert ask(gateway.listen_tls, B, trusting(authority), B, "/pets") == (200, b"one")

    # A name that is no file yet keeps what was good; below --data it is found, too.
    before = shown(gateway, B, authority)
    aws.update_domain_name(
        domainName=B, patchOperations=[patch("replace", "/regionalCertificateArn", arn + "new")]
    )
    assert shown(gateway, B, authority) == before
    gateway.wait_log("certificates/new.pem: b.example.com.certificateFile: is not there")
    issued = authority.server(B)
    issued.write(gateway.data / "certificates", "new")
    until(lambda: shown(gateway, B, authority) == issued.der, "the new certificate")

    aws.delete_domain_name(domainName=B)
    assert refused(gateway, B, trusting(authority)) == "TLSV1_UNRECOGNIZED_NAME"


def send_to_the_end(gateway: RunningGateway, sent: bytes) -> None:
    """Send bytes to the TLS listener, and wait until it ends the connection."""
    host, _, port = gateway.listen_tls.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(sent)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass


def refusals(gateway: RunningGateway, reason: str) -> float:
    (line,) = (
        line
        for line in metrics(gateway).splitlines()
        if line.startswith("stagegate_edge_refusals_total") and f'reason="{reason}"' in line
    )
    return float(line.rpartition(" ")[2])


def test_handshakes_that_never_end_are_counted(start: Start) -> None:
    gateway = start({**FILES, "gateway.toml": "[tls]\nhandshake_seconds = 0.2\n"}, "--workers", "1")
    for sent in (b"\x16\x03\x01\x02\x00\x01", b""):
        send_to_the_end(gateway, sent)

    until(lambda: refusals(gateway, "tls_slow") == 2, "both to be counted")
    assert gateway.pets() == b"one"


def test_what_is_no_tls_is_counted_and_harms_nobody(start: Start, authority: Authority) -> None:
    gateway = start(FILES, "--workers", "1")
    send_to_the_end(gateway, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    until(lambda: refusals(gateway, "tls_handshake") == 1, "it to be counted")
    assert ask(gateway.listen_tls, A, trusting(authority), A, "/pets") == (200, b"one")
    assert 'stagegate_client_tls_handshakes_total{worker="0"} 1.0' in metrics(gateway)
    assert f'stagegate_certificate_expiry_timestamp_seconds{{domain="{A}"}}' in metrics(gateway)


def metrics(gateway: RunningGateway) -> str:
    host, _, port = gateway.admin.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_a_worker_that_dies_is_replaced_with_its_certificates(
    start: Start, authority: Authority
) -> None:
    gateway = start(FILES, "--workers", "1")
    (worker,) = gateway.status()["workers"]

    os.kill(worker["pid"], signal.SIGKILL)

    # It waits in the queue until there is somebody again.
    assert ask(gateway.listen_tls, A, trusting(authority), A, "/pets") == (200, b"one")
    assert gateway.status()["workers"][0]["restarts"] == 1


def test_a_request_in_hand_is_answered_when_the_gateway_stops(
    start: Start, authority: Authority
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as backend:
        backend.settimeout(20)
        uri = f"http://127.0.0.1:{backend.getsockname()[1]}/"
        api = (
            "resources:\n  /slow:\n"
            f'    GET: {{integration: {{type: HTTP_PROXY, uri: "{uri}"}}}}\n'
            "stages: {prod: {}}\n"
        )
        gateway = start({**FILES, "apis/pets.yaml": api}, "--workers", "1")
        context = trusting(authority)
        with (
            connected(gateway.listen_tls, A, context) as busy,
            connected(gateway.listen_tls, A, context) as idle,
        ):
            busy.send(A, "/slow")
            called, _ = backend.accept()
            gateway.process.send_signal(signal.SIGTERM)

            assert idle.is_ended()
            with called:
                called.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
                status, headers, body = busy.receive()
        assert (status, headers["connection"], body) == (200, "close", b"late")
        assert gateway.process.wait(20) == 0


def test_bodies_of_any_size_pass_both_ways(start: Start, authority: Authority) -> None:
    with running_backend() as backend:
        api = (
            "resources:\n"
            "  /{proxy+}:\n"
            f'    ANY: {{integration: {{type: HTTP_PROXY, uri: "http://{backend}/{{proxy}}"}}}}\n'
            "stages: {prod: {}}\n"
        )
        gateway = start({**FILES, "apis/pets.yaml": api})
        with connected(gateway.listen_tls, A, trusting(authority)) as client:
            for size in (1, 16_384, 16_385, 3_000_000):
                client.send(A, "/upload", method="POST", body=b"x" * size)
                assert json.loads(client.receive()[2]) == {"bytes": size}
                client.send(A, f"/bytes/{size}")
                status, _, answer = client.receive()
                assert (status, len(answer)) == (200, size)
