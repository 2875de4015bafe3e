"""DocumentationVersions: the parts as they were when it was made."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.patch import PatchTable, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present, timestamp
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import PATCH, TEXT, members
from gateway.control.api.stage_rows import touch_stage
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.tables import DOCUMENTATION_PART, DOCUMENTATION_VERSION, STAGE
from gateway.store.transaction import Transaction

VERSIONS_MAX: Final = 200
"""Documentation versions of one API."""
SNAPSHOT_BYTES: Final = 6 * 2**20
"""Of a version's parts together: the bound of a file that is imported."""

_CREATE: Final = members(documentationVersion=TEXT, stageName=TEXT, description=TEXT)
_VERSION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATCH_OPS: Final = "Invalid patch operation specified. Must be one of: [replace]"


def create_documentation_version(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateDocumentationVersion; with a stage, that one shows it."""
    api = rest_api_of(transaction, call)
    version = call.body.get("documentationVersion", "")
    if not _VERSION.fullmatch(version):
        raise bad_request("Invalid Documentation version specified: 1 to 64 of a-zA-Z0-9._-")
    of_api = DOCUMENTATION_VERSION.c.api == api.sequence
    if transaction.has(DOCUMENTATION_VERSION, of_api, DOCUMENTATION_VERSION.c.version == version):
        raise conflict("Documentation version already exists")
    refuse_one_more(
        transaction,
        DOCUMENTATION_VERSION,
        VERSIONS_MAX,
        f"An API has at most {VERSIONS_MAX} documentation versions; delete old ones",
        of_api,
    )
    transaction.insert(
        DOCUMENTATION_VERSION,
        api=api.sequence,
        version=version,
        description=call.body.get("description"),
        created_epoch=transaction.epoch,
        parts=_parts(transaction, api.sequence),
    )
    stage_name = call.body.get("stageName")
    if stage_name:
        query = select(STAGE).where(STAGE.c.api == api.sequence, STAGE.c.stage_name == stage_name)
        stage = row_of(transaction, query, "Invalid stage identifier specified")
        touch_stage(transaction, api, stage, {"documentation_version": version})
    return shown(_row(transaction, api, version))


def get_documentation_version(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDocumentationVersion."""
    api = rest_api_of(transaction, call)
    return shown(_row(transaction, api, call.label("doc_version")))


def get_documentation_versions(transaction: Transaction, call: Call) -> Answer:
    """Serve GetDocumentationVersions."""
    api = rest_api_of(transaction, call)
    columns = [column for column in DOCUMENTATION_VERSION.c if column.name != "parts"]
    query = select(*columns).where(DOCUMENTATION_VERSION.c.api == api.sequence)
    return page(transaction, call, query, DOCUMENTATION_VERSION.c.sequence, shown)


def update_documentation_version(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateDocumentationVersion: the description is all that may change."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call.label("doc_version"))
    changed = patch.patch_row(row, call.body, _PATCHES)
    write_row(transaction, DOCUMENTATION_VERSION, row, changed)
    return shown(_row(transaction, api, row.version))


def delete_documentation_version(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteDocumentationVersion; stages that show it show none then."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call.label("doc_version"))
    found = DOCUMENTATION_VERSION.c.sequence == row.sequence
    transaction.run(delete(DOCUMENTATION_VERSION).where(found))
    stages = select(STAGE).where(
        STAGE.c.api == api.sequence, STAGE.c.documentation_version == row.version
    )
    for stage in transaction.rows(stages):
        touch_stage(transaction, api, stage, {"documentation_version": None})
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a version in AWS's shape."""
    return present(
        version=row.version,
        createdDate=timestamp(row.created_epoch),
        description=row.description,
    )


def _parts(transaction: Transaction, api: int) -> str:
    rows = transaction.rows(
        select(DOCUMENTATION_PART.c.location, DOCUMENTATION_PART.c.properties)
        .where(DOCUMENTATION_PART.c.api == api)
        .order_by(DOCUMENTATION_PART.c.sequence)
    )
    parts = [{"location": row.location, "properties": row.properties} for row in rows]
    text = orjson.dumps(parts)
    if len(text) > SNAPSHOT_BYTES:
        raise limit_exceeded(f"A documentation version has at most {SNAPSHOT_BYTES} bytes")
    return text.decode()


def _row(transaction: Transaction, api: AnyRow, version: str) -> AnyRow:
    return row_of(
        transaction,
        select(DOCUMENTATION_VERSION).where(
            DOCUMENTATION_VERSION.c.api == api.sequence,
            DOCUMENTATION_VERSION.c.version == version,
        ),
        "Invalid Documentation version specified",
    )


_PATCHES: Final = PatchTable(
    (rule("/description", "replace", patch.member("description"), wrong_op=_PATCH_OPS),)
)

OPERATIONS: Final = {
    "CreateDocumentationVersion": Served(create_documentation_version, body=_CREATE),
    "GetDocumentationVersion": Served(get_documentation_version),
    "GetDocumentationVersions": Served(get_documentation_versions),
    "UpdateDocumentationVersion": Served(update_documentation_version, body=PATCH),
    "DeleteDocumentationVersion": Served(delete_documentation_version),
}
"""Operations of this family by name."""
