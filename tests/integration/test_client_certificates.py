"""Client certificates of a whole gateway: made by AWS's client or by files, shown and rotated."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.backend_certificates import Pair, authority, issued, server_context
from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import ROOT, RunningGateway, until
from tests.tls_backend import TlsBackend

PARTNER = """\
resources:
  /pets:
    GET: {integration: {type: HTTP_PROXY, uri: "https://localhost:PORT/pets"}}
  /plain:
    GET:
      methodResponses: {"200": {}}
      integration:
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {}}
stages:
  prod:
    clientCertificateId: partner
    methodSettings: {"*/*": {loggingLevel: ERROR}}
  open: {}
"""


@pytest.fixture
def backend() -> Iterator[TlsBackend]:
    """A backend that demands a certificate of the test authority."""
    with TlsBackend(server_context(issued(), clients=authority())) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """Settings with which backends of the test authority are believed."""
    (tmp_path / "ca.pem").write_text(authority().pem)
    return f'[backends]\nca_bundle = "{tmp_path}/ca.pem"\n'


def asked(gateway: RunningGateway, stage: str, api: str = "partner") -> tuple[int, bytes]:
    return gateway.get(f"/_aws/execute-api/{api}/{stage}/pets")


def shown(gateway: RunningGateway, stage: str, api: str = "partner") -> int | None:
    """Return the serial number that the backend saw; None: the request failed."""
    status, body = asked(gateway, stage, api)
    assert status in {200, 500, 504}, body
    return int(body, 16) if status == 200 and body else None


def secrets_of(*pems: str) -> list[str]:
    """Return lines of private keys, each of which would give one away."""
    return [line for pem in pems for line in pem.splitlines() if not line.startswith("-----")]


def told_by(gateway: RunningGateway, fetch: Callable[[str], str]) -> str:
    """Return everything that the gateway tells and logs."""
    logs = [path.read_text() for path in gateway.data.rglob("*.log")]
    return "\n".join([gateway.log, *logs, fetch("/status"), fetch("/metrics")])


def metrics_of(gateway: RunningGateway) -> Callable[[str], str]:
    def fetch(path: str) -> str:
        # `get` with the control plane's address.
        listen, gateway.listen = gateway.listen, gateway.admin
        try:
            return gateway.get(path)[1].decode()
        finally:
            gateway.listen = listen

    return fetch


def release_files(gateway: RunningGateway) -> dict[str, int]:
    """Return the content and the mode of every part of the release on disk."""
    return {
        path.read_text(): path.stat().st_mode & 0o777
        for path in (gateway.data / "release" / "parts").iterdir()
    }


def certificate_files(pair: Pair) -> dict[str, str]:
    return {
        "client-certificates/partner.pem": pair.pem,
        "client-certificates/partner.key": pair.key_pem,
    }


def test_stage_of_files_shows_its_certificate_and_the_next_one_at_once(
    start_gateway: StartGateway, backend: TlsBackend, settings: str
) -> None:
    old, new = issued("partner"), issued("partner")
    text = PARTNER.replace("PORT", str(backend.port))
    gateway = start_gateway(
        {"gateway.toml": settings, "apis/partner.yaml": text, **certificate_files(old)}
    )
    assert [shown(gateway, "prod") for _ in range(3)] == [old.serial] * 3

    # Without the certificate the backend refuses: another stage's connection is not used.
    status, body = asked(gateway, "open")
    assert (status, body) == (504, b'{"message":"Network error communicating with endpoint"}')

    # In two steps, as a person would: meanwhile the pair does not fit, and the old one stays.
    gateway.write("client-certificates/partner.pem", new.pem)
    until(lambda: any("not that of" in each for each in gateway.reload_problems()), "a problem")
    assert shown(gateway, "prod") == old.serial
    revision = gateway.status()["revision"]
    gateway.write("client-certificates/partner.key", new.key_pem)
    gateway.wait_revision(revision + 1)
    assert [shown(gateway, "prod") for _ in range(4)] == [new.serial] * 4

    fetch = metrics_of(gateway)
    told = told_by(gateway, fetch)
    assert not [line for line in secrets_of(old.key_pem, new.key_pem) if line in told]
    end = new.certificate.not_valid_after_utc.timestamp()
    found = re.search(
        r'^stagegate_client_certificate_expiry_timestamp_seconds\{certificate="partner"\} (\S+)$',
        fetch("/metrics"),
        re.MULTILINE,
    )
    assert found is not None
    assert float(found[1]) == end
    told = r"client certificate partner expires on .*, in 29 days"
    until(lambda: re.search(told, gateway.log), "the end that is near")
    gateway.wait_log("CLIENT_CERTIFICATE_REFUSED: localhost")
    secret = {mode for text, mode in release_files(gateway).items() if "PRIVATE KEY" in text}
    assert secret == {0o600}


def test_certificate_that_is_not_there_closes_https_and_nothing_else(
    start_gateway: StartGateway, backend: TlsBackend, settings: str
) -> None:
    text = PARTNER.replace("PORT", str(backend.port))
    gateway = start_gateway({"gateway.toml": settings, "apis/partner.yaml": text})

    assert asked(gateway, "prod") == (500, b'{"message":"Internal server error"}')
    assert gateway.get("/_aws/execute-api/partner/prod/plain")[0] == 200
    assert backend.heads == []
    (problem,) = gateway.reload_problems()
    assert "client certificate partner is not there" in problem
    log = gateway.data / "logs/API-Gateway-Execution-Logs_partner/prod.log"
    until(lambda: log.exists() and "partner is not there" in log.read_text(), "a line")

    pair = issued("partner")
    revision = gateway.status()["revision"]
    for name, content in certificate_files(pair).items():
        gateway.write(name, content)
    gateway.wait_revision(revision + 1)
    until(lambda: shown(gateway, "prod") == pair.serial, "the certificate")


def https_api(aws: Any, port: int) -> str:
    """Make an API whose `GET /pets` goes to the backend, and deploy it to `prod`."""
    api: str = aws.create_rest_api(name="partner")["id"]
    root = aws.get_resources(restApiId=api)["items"][0]["id"]
    pets = aws.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]
    method = {"restApiId": api, "resourceId": pets, "httpMethod": "GET"}
    aws.put_method(**method, authorizationType="NONE")
    aws.put_integration(
        **method,
        type="HTTP_PROXY",
        integrationHttpMethod="GET",
        uri=f"https://localhost:{port}/pets",
    )
    aws.create_deployment(restApiId=api, stageName="prod")
    return api


def test_stage_made_by_awss_client_shows_generated_certificates(
    start_gateway: StartGateway, settings: str
) -> None:
    context = server_context(issued(), clients=authority())
    with TlsBackend(context) as backend:
        gateway = start_gateway({"gateway.toml": settings})
        aws = client_of(gateway)
        api = https_api(aws, backend.port)
        made = [aws.generate_client_certificate() for _ in range(2)]
        serials = []
        for each in made:
            pem = each["pemEncodedCertificate"]
            context.load_verify_locations(cadata=pem)
            serials.append(x509.load_pem_x509_certificate(pem.encode()).serial_number)

        def use(certificate_id: str) -> None:
            operation = patch("replace", "/clientCertificateId", certificate_id)
            aws.update_stage(restApiId=api, stageName="prod", patchOperations=[operation])

        seen = [shown(gateway, "prod", api)]
        for each in (made[0], made[1], made[0]):
            use(each["clientCertificateId"])
            seen += [shown(gateway, "prod", api) for _ in range(2)]
        use("")
        seen.append(shown(gateway, "prod", api))
        a, b = serials
        assert seen == [None, a, a, b, b, a, a, None]

        use(made[1]["clientCertificateId"])
        # What a start falls back to, and what a worker that is started anew is sent.
        gateway.close()
        gateway.start()
        assert shown(gateway, "prod", api) == b
        assert "PRIVATE KEY" not in told_by(gateway, metrics_of(gateway))
        modes = {mode for text, mode in release_files(gateway).items() if "PRIVATE KEY" in text}
        assert modes == {0o600}
        for command in (["export", api, "--out", str(gateway.data / "exported")], ["audit"]):
            outcome = subprocess.run(
                [sys.executable, "-m", "gateway", *command, "--data", str(gateway.data)],
                cwd=ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert "PRIVATE KEY" not in outcome.stdout + outcome.stderr
        (exported,) = (gateway.data / "exported").rglob("*.yaml")
        told = yaml.safe_load(exported.read_text())["stages"]["prod"]
        assert told["clientCertificateId"] == made[1]["clientCertificateId"]
        assert "PRIVATE KEY" not in exported.read_text()


def test_stage_of_files_may_name_a_generated_certificate(
    start_gateway: StartGateway, settings: str
) -> None:
    context = server_context(issued(), clients=authority())
    with TlsBackend(context) as backend:
        gateway = start_gateway({"gateway.toml": settings})
        made = client_of(gateway).generate_client_certificate()
        pem = made["pemEncodedCertificate"]
        context.load_verify_locations(cadata=pem)
        serial = x509.load_pem_x509_certificate(pem.encode()).serial_number
        text = PARTNER.replace("PORT", str(backend.port))
        text = text.replace("Id: partner", f"Id: '{made['clientCertificateId']}'")
        revision = gateway.status()["revision"]
        gateway.write("apis/partner.yaml", text)

        gateway.wait_revision(revision + 1)
        assert shown(gateway, "prod") == serial
        assert gateway.reload_problems() == []
