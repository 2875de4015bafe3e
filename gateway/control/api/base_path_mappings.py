"""BasePathMappings of custom domain names: Create, Get, GetAll, Update, Delete."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, domain_of, row_of
from gateway.control.api.patch import PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import PATCH, TEXT, members
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.stage_validation import NO_BASE_PATH, problems_of_domain
from gateway.errors import bad_request, conflict
from gateway.store.served import ASIDE
from gateway.store.tables import BASE_PATH_MAPPING, DOMAIN_NAME, REST_API, STAGE
from gateway.store.transaction import Transaction

MAPPINGS_MAX: Final = 10_000
"""Base path mappings of one gateway, of all domain names together."""

_CREATE: Final = members(basePath=TEXT, restApiId=TEXT, stage=TEXT)

_SLASH_MESSAGE: Final = (
    "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a "
    "multi-level base path mapping, use API Gateway V2."
)


def create_base_path_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateBasePathMapping."""
    domain = domain_of(transaction, call)
    body = call.body
    values: Working = {
        "base_path": _base_path(body.get("basePath")),
        "rest_api_id": body.get("restApiId", ""),
        "stage": _stage(body.get("stage")),
    }
    return shown(keep_mapping(transaction, domain, values))


def get_base_path_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve GetBasePathMapping."""
    return shown(_row(transaction, call))


def get_base_path_mappings(transaction: Transaction, call: Call) -> Answer:
    """Serve GetBasePathMappings."""
    domain = domain_of(transaction, call)
    query = select(BASE_PATH_MAPPING).where(BASE_PATH_MAPPING.c.domain == domain.sequence)
    return page(transaction, call, query, BASE_PATH_MAPPING.c.sequence, shown)


def update_base_path_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateBasePathMapping."""
    row = _row(transaction, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if changed:
        row = change_mapping(transaction, domain_of(transaction, call), row, changed)
    return shown(row)


def delete_base_path_mapping(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteBasePathMapping."""
    drop_mapping(transaction, _row(transaction, call))
    return None


def keep_mapping(transaction: Transaction, domain: AnyRow, values: Working) -> AnyRow:
    """Keep a new mapping of a domain, and return its row.

    Raises:
        ControlError: its base path is mapped already, it leads nowhere, or there are too many.
    """
    _check(transaction, domain, values)
    refuse_one_more(
        transaction,
        BASE_PATH_MAPPING,
        MAPPINGS_MAX,
        f"At most {MAPPINGS_MAX} base path mappings are kept",
    )
    sequence = transaction.insert(BASE_PATH_MAPPING, domain=domain.sequence, **values)
    transaction.changes.are_domains_changed = True
    return _by_sequence(transaction, sequence)


def change_mapping(
    transaction: Transaction, domain: AnyRow, row: AnyRow, changed: Working
) -> AnyRow:
    """Write other values of a mapping, and return its row.

    Raises:
        ControlError: as `keep_mapping`.
    """
    _check(transaction, domain, {**row._asdict(), **changed}, row)
    write_row(transaction, BASE_PATH_MAPPING, row, changed)
    transaction.changes.are_domains_changed = True
    return _by_sequence(transaction, row.sequence)


def drop_mapping(transaction: Transaction, row: AnyRow) -> None:
    """Delete a mapping."""
    found = BASE_PATH_MAPPING.c.sequence == row.sequence
    transaction.run(delete(BASE_PATH_MAPPING).where(found))
    transaction.changes.are_domains_changed = True


def refuse_if_mapped(transaction: Transaction, api_id: str) -> None:
    """Refuse the deletion of an API that base path mappings lead to.

    Raises:
        ControlError: (BadRequestException) it names their domains.
    """
    rows = transaction.rows(
        select(DOMAIN_NAME.c.domain_name)
        .join(BASE_PATH_MAPPING, BASE_PATH_MAPPING.c.domain == DOMAIN_NAME.c.sequence)
        .where(BASE_PATH_MAPPING.c.rest_api_id == api_id)
        .distinct()
        .order_by(DOMAIN_NAME.c.domain_name)
    )
    if rows:
        names = ", ".join(row.domain_name.removesuffix(ASIDE) for row in rows[:10])
        raise bad_request(
            f"Deleting RestApi {api_id} failed. Please remove all base path mappings related to "
            f"the RestApi in your domains: {names}"
        )


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a mapping in AWS's shape."""
    return present(basePath=row.base_path, restApiId=row.rest_api_id, stage=row.stage)


def _by_sequence(transaction: Transaction, sequence: int) -> AnyRow:
    query = select(BASE_PATH_MAPPING).where(BASE_PATH_MAPPING.c.sequence == sequence)
    return transaction.one(query)


def _row(transaction: Transaction, call: Call) -> AnyRow:
    return row_of(
        transaction,
        select(BASE_PATH_MAPPING).where(
            BASE_PATH_MAPPING.c.domain == domain_of(transaction, call).sequence,
            BASE_PATH_MAPPING.c.base_path == call.label("base_path"),
        ),
        "Invalid base path mapping identifier specified",
    )


def _base_path(text: str | None) -> str:
    if text and "/" in text:
        raise bad_request(_SLASH_MESSAGE)
    return checked_base_path(text)


def checked_base_path(text: str | None) -> str:
    """Return a base path, of one segment or several, as it is kept.

    Raises:
        ControlError: (BadRequestException) it is none.
    """
    base_path = text or NO_BASE_PATH
    mapping = BasePathMapping(rest_api_id="", base_path=base_path)
    problems = problems_of_domain(
        DomainName(domain_name="example.com", base_path_mappings=(mapping,))
    )
    if problems:
        raise bad_request(f"Invalid base path specified: {problems[0].message}")
    return base_path


def _stage(text: str | None) -> str | None:
    return None if text in (None, "", NO_BASE_PATH) else text


def _check(
    transaction: Transaction, domain: AnyRow, values: Working, row: AnyRow | None = None
) -> None:
    """Refuse a second mapping of a base path, and one that leads nowhere."""
    found = transaction.row(select(REST_API).where(REST_API.c.id == values["rest_api_id"]))
    if found is None or found.id.endswith(ASIDE):
        raise bad_request("Invalid REST API identifier specified")
    stage = values["stage"]
    if stage is not None and not transaction.has(
        STAGE, STAGE.c.api == found.sequence, STAGE.c.stage_name == stage
    ):
        raise bad_request("Invalid stage identifier specified")
    same = (
        BASE_PATH_MAPPING.c.domain == domain.sequence,
        BASE_PATH_MAPPING.c.base_path == values["base_path"],
        BASE_PATH_MAPPING.c.sequence != (row.sequence if row is not None else 0),
    )
    if transaction.has(BASE_PATH_MAPPING, *same):
        if values["base_path"] == NO_BASE_PATH:
            raise conflict("Only one base path mapping is allowed if the base path is empty.")
        raise conflict("Base path already exists for this domain name")


_PATCHES: Final = PatchTable(
    (
        rule("/basePath", "replace", patch.member("base_path", _base_path)),
        # AWS's documentation spells these two so; its clients send either.
        rule("/basepath", "replace", patch.member("base_path", _base_path)),
        rule("/restapiId", "replace", patch.member("rest_api_id", str)),
        rule("/restApiId", "replace", patch.member("rest_api_id", str)),
        rule("/stage", "replace", patch.member("stage", _stage)),
    )
)

OPERATIONS: Final = {
    "CreateBasePathMapping": Served(create_base_path_mapping, body=_CREATE),
    "GetBasePathMapping": Served(get_base_path_mapping),
    "GetBasePathMappings": Served(get_base_path_mappings),
    "UpdateBasePathMapping": Served(update_base_path_mapping, body=PATCH),
    "DeleteBasePathMapping": Served(delete_base_path_mapping),
}
"""Operations of this family by name."""
