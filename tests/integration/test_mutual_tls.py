"""Mutual TLS of a whole gateway: who gets in, and every way around that leads nowhere."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority, Issued
from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed
from tests.running_gateway import RunningGateway, pets, until
from tests.tls_client import ask, connected, trusting

TLS = ("--listen-tls", "127.0.0.1:0", "--workers", "1")
PUBLIC, SAFE, OTHER = "public.example.com", "safe.example.com", "other.example.com"
PETS, FORBIDDEN = (200, b"one"), (403, b'{"message":"Forbidden"}')
MAPPED = "basePathMappings: [{restApiId: pets, stage: prod}]"
DOMAINS = f"""\
{PUBLIC}: {{certificateFile: keys/public.pem, {MAPPED}}}
{SAFE}:
  certificateFile: keys/safe.pem
  mutualTlsAuthentication: {{truststoreUri: truststores/partners.pem}}
  {MAPPED}
{OTHER}:
  certificateFile: keys/other.pem
  mutualTlsAuthentication: {{truststoreUri: 's3://stores/others.pem'}}
  {MAPPED}
"""

Start = Callable[..., RunningGateway]


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Issues the servers' certificates; no client's."""
    return Authority("Server CA")


@pytest.fixture(scope="module")
def partners() -> Authority:
    return Authority("Partners CA")


@pytest.fixture(scope="module")
def others() -> Authority:
    return Authority("Others CA")


@pytest.fixture(scope="module")
def partner(partners: Authority) -> Issued:
    return partners.client("a partner")


@pytest.fixture(scope="module")
def other(others: Authority) -> Issued:
    return others.client("another")


def files(authority: Authority, partners: Authority, others: Authority) -> dict[str, str]:
    made = {"apis/pets.yaml": pets(), "domains.yaml": DOMAINS}
    for name in (PUBLIC, SAFE, OTHER):
        issued = authority.server(name)
        made[f"keys/{name.partition('.')[0]}.pem"] = issued.chain + issued.key
    made["truststores/partners.pem"] = partners.certificate
    made["truststores/stores/others.pem"] = others.certificate
    return made


@pytest.fixture
def gateway(
    start_gateway: StartGateway, authority: Authority, partners: Authority, others: Authority
) -> RunningGateway:
    return start_gateway(files(authority, partners, others), *TLS)


def test_only_a_certificate_of_the_domain_s_own_store_gets_in(
    gateway: RunningGateway, authority: Authority, partner: Issued, other: Issued
) -> None:
    at = gateway.listen_tls

    assert ask(at, SAFE, trusting(authority, partner), SAFE, "/pets") == PETS
    assert ask(at, OTHER, trusting(authority, other), OTHER, "/pets") == PETS
    assert ask(at, SAFE, trusting(authority), SAFE, "/pets") == FORBIDDEN
    for name, wrong in ((SAFE, other), (OTHER, partner)):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(at, name, trusting(authority, wrong), name, "/pets")
    # Without TLS of this gateway, whatever a client says.
    assert gateway.get("/pets", Host=SAFE) == FORBIDDEN
    assert gateway.get("/pets", Host=SAFE, **{"X-Forwarded-Proto": "https"}) == FORBIDDEN


@pytest.mark.parametrize("server_name", [PUBLIC, OTHER])
def test_a_handshake_for_another_domain_opens_nothing(
    gateway: RunningGateway,
    authority: Authority,
    partner: Issued,
    other: Issued,
    server_name: str,
) -> None:
    """Fronting: the name in the handshake is one domain's, the Host header another's."""
    shown = other if server_name == OTHER else partner
    with connected(gateway.listen_tls, server_name, trusting(authority, shown)) as client:
        assert client.get(server_name, "/pets") == PETS
        # On a connection that was good for something before; in any writing of the name.
        for host in (SAFE, SAFE.upper(), f"{SAFE}:443", f"{SAFE}."):
            assert client.get(host, "/pets") == FORBIDDEN
        client.send(SAFE, f"http://{SAFE}/pets")
        assert client.receive()[0] == 403
        # One right behind the other, before the first is answered.
        client.send(server_name, "/pets")
        client.send(SAFE, "/pets")
        assert [client.receive()[0], client.receive()[0]] == [200, 403]
        assert client.get(server_name, "/pets") == PETS


def test_a_handshake_without_a_name_opens_nothing(
    start_gateway: StartGateway,
    authority: Authority,
    partners: Authority,
    others: Authority,
    partner: Issued,
) -> None:
    issued = authority.server("default.example.com")
    made = files(authority, partners, others)
    made["keys/default.pem"] = issued.chain + issued.key
    made["gateway.toml"] = '[tls]\ndefault_certificate_file = "keys/default.pem"\n'
    gateway = start_gateway(made, *TLS)
    context = trusting(authority, partner)

    for name in (None, "unknown.example.com"):
        with connected(gateway.listen_tls, name, context, checks_name=False) as client:
            assert client.get(PUBLIC, "/pets") == PETS
            assert client.get(SAFE, "/pets") == FORBIDDEN


def test_an_open_connection_does_not_carry_a_certificate_to_the_other_store(
    gateway: RunningGateway, authority: Authority, partner: Issued
) -> None:
    with connected(gateway.listen_tls, SAFE, trusting(authority, partner)) as client:
        assert client.get(SAFE, "/pets") == PETS
        assert client.get(OTHER, "/pets") == FORBIDDEN
        # Nothing but this one domain is guarded by it.
        assert client.get(PUBLIC, "/pets") == PETS
        assert client.get(SAFE, "/pets") == PETS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_at_its_own_domain_only(
    gateway: RunningGateway, authority: Authority, partner: Issued, version: ssl.TLSVersion
) -> None:
    """A resumed session brings the certificate that was verified when it began.

    TLS 1.3 would renew it with each connection, for as long as a client likes: there are none.
    """
    context = trusting(authority, partner, newest=version)
    with connected(gateway.listen_tls, SAFE, context) as client:
        assert client.get(SAFE, "/pets") == PETS
        session = client.socket.session

    with connected(gateway.listen_tls, SAFE, context, session) as client:
        assert client.socket.session_reused == (version is ssl.TLSVersion.TLSv1_2)
        assert client.get(SAFE, "/pets") == PETS
    with connected(gateway.listen_tls, PUBLIC, context, session) as client:
        assert not client.socket.session_reused
        assert client.get(SAFE, "/pets") == FORBIDDEN
    # A whole handshake, in which the certificate is not good enough.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(gateway.listen_tls, OTHER, context, OTHER, "/pets")


def test_public_domains_ask_for_no_certificate(
    gateway: RunningGateway, authority: Authority
) -> None:
    """Nobody would accept it, so that whoever was asked and showed one could not connect."""
    stranger = Authority("nobody's").client("stranger")

    context = trusting(authority, stranger)
    assert ask(gateway.listen_tls, PUBLIC, context, PUBLIC, "/pets") == PETS


def test_expired_certificates_get_no_connection(
    gateway: RunningGateway, authority: Authority, partners: Authority
) -> None:
    expired = partners.client("too late", days=-1)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(gateway.listen_tls, SAFE, trusting(authority, expired), SAFE, "/pets")


def test_a_changed_trust_store_ends_what_the_old_one_let_in(
    gateway: RunningGateway,
    authority: Authority,
    others: Authority,
    partner: Issued,
    other: Issued,
) -> None:
    with connected(gateway.listen_tls, SAFE, trusting(authority, partner)) as kept:
        assert kept.get(SAFE, "/pets") == PETS
        revision = gateway.status()["revision"]

        gateway.write("truststores/partners.pem", others.certificate)
        gateway.wait_revision(revision + 1)

        assert kept.is_ended()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(gateway.listen_tls, SAFE, trusting(authority, partner), SAFE, "/pets")
    assert ask(gateway.listen_tls, SAFE, trusting(authority, other), SAFE, "/pets") == PETS


def test_a_broken_trust_store_keeps_the_last_good_one(
    gateway: RunningGateway, authority: Authority, partner: Issued
) -> None:
    gateway.write("truststores/partners.pem", "nothing")
    until(lambda: not gateway.status()["last_reload"]["ok"], "the problem")

    assert ask(gateway.listen_tls, SAFE, trusting(authority, partner), SAFE, "/pets") == PETS
    assert ask(gateway.listen_tls, SAFE, trusting(authority), SAFE, "/pets") == FORBIDDEN
    assert any("holds no certificate" in each for each in gateway.reload_problems())


def test_without_a_trust_store_nobody_gets_in(
    start_gateway: StartGateway,
    authority: Authority,
    partners: Authority,
    others: Authority,
    partner: Issued,
) -> None:
    made = files(authority, partners, others)
    del made["truststores/partners.pem"]
    gateway = start_gateway(made, *TLS)

    with connected(gateway.listen_tls, SAFE, trusting(authority, partner)) as client:
        assert client.get(SAFE, "/pets") == FORBIDDEN
    assert ask(gateway.listen_tls, PUBLIC, trusting(authority), PUBLIC, "/pets") == PETS


def test_a_public_domain_that_becomes_guarded_ends_its_connections(
    gateway: RunningGateway, authority: Authority, partner: Issued
) -> None:
    with connected(gateway.listen_tls, PUBLIC, trusting(authority, partner)) as kept:
        assert kept.get(PUBLIC, "/pets") == PETS
        guarded = (
            f"{PUBLIC}: {{certificateFile: keys/public.pem, {MAPPED}, "
            "mutualTlsAuthentication: {truststoreUri: truststores/partners.pem}}\n"
        )
        revision = gateway.status()["revision"]
        gateway.write("domains.yaml", guarded)
        gateway.wait_revision(revision + 1)

        assert kept.is_ended()
    assert ask(gateway.listen_tls, PUBLIC, trusting(authority, partner), PUBLIC, "/pets") == PETS


def test_the_client_s_certificate_is_told_to_mappings_and_logs(
    start_gateway: StartGateway,
    authority: Authority,
    partners: Authority,
    others: Authority,
    partner: Issued,
) -> None:
    identity = "$context.identity.clientCert."
    answer = "|".join(
        identity + name for name in ("subjectDN", "issuerDN", "serialNumber", "validity.notBefore")
    )
    log = f"accessLogSettings: {{destination: tls.log, format: '{identity}subjectDN $context."
    log += f"tlsVersion $context.cipherSuite {identity}validity.notAfter $context.requestId'}}"
    made = files(authority, partners, others)
    made["apis/pets.yaml"] = pets(answer).replace("prod: {}", f"prod: {{{log}}}")
    gateway = start_gateway(made, *TLS)

    status, body = ask(gateway.listen_tls, SAFE, trusting(authority, partner), SAFE, "/pets")

    digits = f"{partner.parsed.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    serial = ":".join(digits[index : index + 2] for index in range(0, len(digits), 2))
    begun = f"{partner.parsed.not_valid_before_utc:%b %e %H:%M:%S %Y GMT}"
    assert status == 200
    assert body.decode() == f"CN=a partner,O=Test|CN=Partners CA,O=Test|{serial}|{begun}"
    line = until(lambda: logged(gateway.data / "tls.log"), "the access log")
    assert line.startswith("CN=a partner,O=Test TLSv1.3 TLS_")
    assert f"{partner.parsed.not_valid_after_utc:%b %e %H:%M:%S %Y GMT}" in line
    assert ask(gateway.listen_tls, PUBLIC, trusting(authority), PUBLIC, "/pets")[1] == b"|||"


def logged(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_clients_of_the_control_api_turn_it_on_and_off(
    start_gateway: StartGateway, authority: Authority, partners: Authority, partner: Issued
) -> None:
    issued = authority.server(SAFE)
    gateway = start_gateway(
        {
            "certificates/safe.pem": issued.chain,
            "certificates/safe.key": issued.key,
            "truststores/bucket/key.pem": partners.certificate,
        },
        *TLS,
    )
    aws = client_of(gateway)
    api, _ = deployed(aws, "one")
    aws.create_domain_name(
        domainName=SAFE,
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
        regionalCertificateArn="arn:aws:acm:us-east-1:000000000000:certificate/safe",
        mutualTlsAuthentication={"truststoreUri": "s3://bucket/key.pem"},
    )
    aws.create_base_path_mapping(domainName=SAFE, restApiId=api.id, stage="prod")
    at = gateway.listen_tls

    assert ask(at, SAFE, trusting(authority, partner), SAFE, "/pets") == PETS
    assert ask(at, SAFE, trusting(authority), SAFE, "/pets") == FORBIDDEN
    # The endpoint beside it needs no certificate, until it is closed.
    assert gateway.get("/prod/pets", Host=f"{api.id}.execute-api.localhost") == PETS
    aws.update_rest_api(
        restApiId=api.id,
        patchOperations=[patch("replace", "/disableExecuteApiEndpoint", "true")],
    )
    aws.create_deployment(restApiId=api.id, stageName="other")
    for host, path in (
        (f"{api.id}.execute-api.localhost", "/prod/pets"),
        ("localhost", f"/_aws/execute-api/{api.id}/prod/pets"),
        ("localhost", f"/restapis/{api.id}/prod/_user_request_/pets"),
    ):
        assert gateway.get(path, Host=host) == FORBIDDEN
    assert ask(at, SAFE, trusting(authority, partner), SAFE, "/pets") == PETS
    aws.update_domain_name(
        domainName=SAFE,
        patchOperations=[patch("replace", "/mutualTlsAuthentication/truststoreUri", "")],
    )
    assert ask(at, SAFE, trusting(authority), SAFE, "/pets") == PETS
