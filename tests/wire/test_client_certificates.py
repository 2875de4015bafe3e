"""Client certificates through AWS's client: really made, and no private key ever shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sqlalchemy import select

from gateway.store.tables import CLIENT_CERTIFICATE_KEY
from gateway.store.transaction import Transaction
from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import deployed_api

DAY = 86_400


def stored_keys(control: ControlPlane) -> list[str]:
    def work(transaction: Transaction) -> list[str]:
        query = select(CLIENT_CERTIFICATE_KEY.c.private_key)
        return [row.private_key for row in transaction.rows(query)]

    found: list[str] = control.await_(control.store.read(work))
    return found


def test_a_certificate_is_made_for_a_year(control: ControlPlane, aws: Any) -> None:
    made = aws.generate_client_certificate(description="d", tags={"a": "b"})

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "clientCertificateId": made["clientCertificateId"],
        "description": "d",
        "pemEncodedCertificate": made["pemEncodedCertificate"],
        "createdDate": told["createdDate"],
        "expirationDate": told["createdDate"] + 365 * DAY,
        "tags": {"a": "b"},
    }
    assert len(made["clientCertificateId"]) == 6
    certificate = x509.load_pem_x509_certificate(made["pemEncodedCertificate"].encode())
    assert certificate.not_valid_after_utc.timestamp() == told["expirationDate"]


def test_the_private_key_is_in_the_store_and_in_no_answer(control: ControlPlane, aws: Any) -> None:
    made = aws.generate_client_certificate()
    id_ = made["clientCertificateId"]
    aws.get_client_certificate(clientCertificateId=id_)
    aws.get_client_certificates()
    aws.update_client_certificate(
        clientCertificateId=id_, patchOperations=[patch("replace", "/description", "x")]
    )

    (pem,) = stored_keys(control)
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    certificate = x509.load_pem_x509_certificate(made["pemEncodedCertificate"].encode())
    assert key.public_key() == certificate.public_key()
    shown = f"{control.answers} {control.last_audit()}"
    assert "PRIVATE KEY" not in shown
    assert pem.splitlines()[1] not in shown


def test_a_certificate_is_described_and_deleted(control: ControlPlane, aws: Any) -> None:
    id_ = aws.generate_client_certificate(tags={"a": "b"})["clientCertificateId"]

    told = aws.update_client_certificate(
        clientCertificateId=id_, patchOperations=[patch("replace", "/description", "x")]
    )
    assert told["description"] == "x"
    assert aws.get_client_certificate(clientCertificateId=id_)["tags"] == {"a": "b"}
    aws.delete_client_certificate(clientCertificateId=id_)
    assert control.answers[-1][1] == 202
    assert stored_keys(control) == []
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_client_certificate(clientCertificateId=id_),
        lambda: aws.update_client_certificate(clientCertificateId=id_, patchOperations=[]),
        lambda: aws.delete_client_certificate(clientCertificateId=id_),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "NotFoundException",
            "Invalid Client Certificate identifier specified",
        )
    with pytest.raises(ClientError):
        aws.get_tags(resourceArn=f"arn:aws:apigateway:us-east-1::/clientcertificates/{id_}")


def test_a_certificate_has_nothing_else_to_patch(aws: Any) -> None:
    id_ = aws.generate_client_certificate()["clientCertificateId"]

    for operation in (
        patch("replace", "/pemEncodedCertificate", "x"),
        patch("replace", "/description", "x" * 1025),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_client_certificate(clientCertificateId=id_, patchOperations=[operation])
        assert refusal(error)[0] == "BadRequestException"


def test_a_certificate_that_a_stage_uses_stays(aws: Any) -> None:
    api = deployed_api(aws)
    id_ = aws.generate_client_certificate()["clientCertificateId"]

    def use(value: str) -> Any:
        return aws.update_stage(
            restApiId=api,
            stageName="prod",
            patchOperations=[patch("replace", "/clientCertificateId", value)],
        )

    assert use(id_)["clientCertificateId"] == id_
    with pytest.raises(ClientError) as error:
        aws.delete_client_certificate(clientCertificateId=id_)
    assert refusal(error) == (
        "BadRequestException",
        f"Cannot delete client certificate {id_} because it is used by the stages [{api}:prod]",
    )
    with pytest.raises(ClientError) as error:
        use("nothing")
    assert refusal(error) == (
        "BadRequestException",
        "Invalid Client Certificate identifier specified",
    )
    assert "clientCertificateId" not in use("")
    aws.delete_client_certificate(clientCertificateId=id_)


def test_pages_hold_every_certificate_once(aws: Any) -> None:
    made = [aws.generate_client_certificate()["clientCertificateId"] for _ in range(3)]

    pages = list(
        aws.get_paginator("get_client_certificates").paginate(PaginationConfig={"PageSize": 2})
    )

    assert [len(page["items"]) for page in pages] == [2, 1]
    assert [each["clientCertificateId"] for page in pages for each in page["items"]] == made
