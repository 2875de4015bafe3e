"""ClientCertificates: Generate, Get, GetAll, Update, Delete. No answer holds a private key."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, row_of
from gateway.control.api.patch import PatchTable, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present, timestamp
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.self_signed import self_signed
from gateway.control.api.shapes import PATCH, TEXT, map_of, members
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.errors import bad_request
from gateway.store.ids import SHORT
from gateway.store.tables import CLIENT_CERTIFICATE, CLIENT_CERTIFICATE_KEY, REST_API, STAGE
from gateway.store.transaction import Transaction

CERTIFICATES_MAX: Final = 1000
"""Client certificates of one gateway (AWS: 60, adjustable)."""
DESCRIPTION_CHARACTERS: Final = 1024
_USERS_TOLD: Final = 10

_GENERATE: Final = members(description=TEXT, tags=map_of(TEXT))


def target_of_certificate(certificate_id: str) -> str:
    """Return the part of a client certificate's ARN under which its tags are kept."""
    return f"/clientcertificates/{certificate_id}"


def generate_client_certificate(transaction: Transaction, call: Call) -> Answer:
    """Serve GenerateClientCertificate. Nothing uses it before a stage names it."""
    description = _description(call.body.get("description"))
    refuse_one_more(
        transaction,
        CLIENT_CERTIFICATE,
        CERTIFICATES_MAX,
        f"At most {CERTIFICATES_MAX} client certificates are kept",
    )
    id_ = transaction.new_id(CLIENT_CERTIFICATE, SHORT)
    made = self_signed(f"Stagegate client certificate {id_}", transaction.epoch)
    sequence = transaction.insert(
        CLIENT_CERTIFICATE,
        id=id_,
        description=description,
        certificate=made.certificate,
        created_epoch=transaction.epoch,
        expiration_epoch=made.expiration_epoch,
    )
    transaction.insert(
        CLIENT_CERTIFICATE_KEY, client_certificate=sequence, private_key=made.private_key
    )
    put_tags(transaction, target_of_certificate(id_), call.body.get("tags"))
    row = certificate_of(transaction, id_)
    return {**shown(row), **shown_tags(transaction, target_of_certificate(id_))}


def get_client_certificate(transaction: Transaction, call: Call) -> Answer:
    """Serve GetClientCertificate."""
    row = certificate_of(transaction, call.label("clientcertificate_id"))
    return {**shown(row), "tags": tags_of(transaction, target_of_certificate(row.id))}


def get_client_certificates(transaction: Transaction, call: Call) -> Answer:
    """Serve GetClientCertificates."""

    def item(row: AnyRow) -> dict[str, Any]:
        return {**shown(row), **shown_tags(transaction, target_of_certificate(row.id))}

    query = select(CLIENT_CERTIFICATE)
    return page(transaction, call, query, CLIENT_CERTIFICATE.c.sequence, item)


def update_client_certificate(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateClientCertificate."""
    row = certificate_of(transaction, call.label("clientcertificate_id"))
    changed = patch.patch_row(row, call.body, _PATCHES)
    write_row(transaction, CLIENT_CERTIFICATE, row, changed)
    return get_client_certificate(transaction, call)


def delete_client_certificate(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteClientCertificate; one that a stage shows to backends stays."""
    row = certificate_of(transaction, call.label("clientcertificate_id"))
    users = transaction.rows(
        select(REST_API.c.id, STAGE.c.stage_name)
        .join(STAGE, STAGE.c.api == REST_API.c.sequence)
        .where(STAGE.c.client_certificate_id == row.id)
        .order_by(STAGE.c.sequence)
        .limit(_USERS_TOLD)
    )
    if users:
        told = ", ".join(f"{api_id}:{stage_name}" for api_id, stage_name in users)
        raise bad_request(
            f"Cannot delete client certificate {row.id} because it is used by the stages [{told}]"
        )
    found = CLIENT_CERTIFICATE.c.sequence == row.sequence
    transaction.run(delete(CLIENT_CERTIFICATE).where(found))
    drop_tags(transaction, target_of_certificate(row.id))
    return None


def certificate_of(transaction: Transaction, certificate_id: str) -> AnyRow:
    """Return the row of a client certificate by its id.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    query = select(CLIENT_CERTIFICATE).where(CLIENT_CERTIFICATE.c.id == certificate_id)
    return row_of(transaction, query, "Invalid Client Certificate identifier specified")


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a certificate in AWS's shape, without tags."""
    return present(
        clientCertificateId=row.id,
        description=row.description,
        pemEncodedCertificate=row.certificate,
        createdDate=timestamp(row.created_epoch),
        expirationDate=timestamp(row.expiration_epoch),
    )


def _description(value: str | None) -> str | None:
    if value is not None and len(value) > DESCRIPTION_CHARACTERS:
        raise bad_request(f"Description can be at most {DESCRIPTION_CHARACTERS} characters")
    return value


_PATCHES: Final = PatchTable(
    (rule("/description", "replace", patch.member("description", _description)),),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "GenerateClientCertificate": Served(generate_client_certificate, body=_GENERATE),
    "GetClientCertificate": Served(get_client_certificate),
    "GetClientCertificates": Served(get_client_certificates),
    "UpdateClientCertificate": Served(update_client_certificate, body=PATCH),
    "DeleteClientCertificate": Served(delete_client_certificate),
}
"""Operations of this family by name."""
