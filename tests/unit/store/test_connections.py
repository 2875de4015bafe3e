from __future__ import annotations

from gateway.store.connections import stored_connections
from tests.unit.control.api.handlers import Handlers


def test_connections_are_every_certificate_with_its_key_and_every_links_target(
    handlers: Handlers,
) -> None:
    made = handlers.call("GenerateClientCertificate")
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/shop/5"
    link = handlers.call("CreateVpcLink", {"name": "shop", "targetArns": [arn]})
    found = handlers.store.run(stored_connections).value
    assert found is not None

    (certificate,) = found.certificates.values()
    assert certificate.client_certificate_id == made["clientCertificateId"]
    assert certificate.certificate == made["pemEncodedCertificate"]
    assert certificate.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert certificate.expiration_epoch == made["expirationDate"]
    assert found.link_targets == {link["id"]: arn}
