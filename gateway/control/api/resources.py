"""Resources: the tree of paths."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, select, update

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, begins_with, resource_of, rest_api_of
from gateway.control.api.method_view import methods_shown, verbs_shown
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.rows import refuse_one_more
from gateway.control.api.shapes import PATCH, TEXT, members
from gateway.definitions.resource_tree import PATH_PART_MESSAGE, is_path_part, problem_of_path
from gateway.errors import bad_request, conflict, not_found
from gateway.store.ids import SHORT
from gateway.store.tables import RESOURCE
from gateway.store.transaction import Transaction

RESOURCES_MAX: Final = 3000
"""Resources of one API (AWS: 300, adjustable)."""

_UNKNOWN: Final = "Invalid Resource identifier specified"


def create_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateResource."""
    parent = resource_of(transaction, call, "parent_id")
    path_part = call.body.get("pathPart", "")
    of_api = RESOURCE.c.api == parent.api
    path = _checked_path(transaction, parent, path_part)
    refuse_one_more(
        transaction,
        RESOURCE,
        RESOURCES_MAX,
        f"An API has at most {RESOURCES_MAX} resources",
        of_api,
    )
    sequence = transaction.insert(
        RESOURCE,
        api=parent.api,
        id=transaction.new_id(RESOURCE, SHORT, of_api),
        parent=parent.sequence,
        path_part=path_part,
        path=path,
    )
    return _get(transaction, sequence)


def get_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve GetResource."""
    row = resource_of(transaction, call)
    return _shown(transaction, row, with_methods="methods" in call.query.get("embed", []))


def get_resources(transaction: Transaction, call: Call) -> Answer:
    """Serve GetResources."""
    api = rest_api_of(transaction, call)
    with_methods = "methods" in call.query.get("embed", [])

    def item(row: AnyRow) -> dict[str, Any]:
        return _shown(transaction, row, with_methods=with_methods)

    query = select(RESOURCE).where(RESOURCE.c.api == api.sequence)
    return page(transaction, call, query, RESOURCE.c.sequence, item)


def update_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateResource: the paths of everything below follow."""
    row = resource_of(transaction, call)
    working: Working = {
        "transaction": transaction,
        "row": row,
        "path_part": row.path_part,
        "parent": row.parent,
    }
    _PATCHES.apply(patch.operations_of(call.body), working)
    if (working["path_part"], working["parent"]) != (row.path_part, row.parent):
        _move(transaction, row, working["parent"], working["path_part"])
    return _get(transaction, row.sequence)


def delete_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteResource: everything below it goes with it."""
    row = resource_of(transaction, call)
    if row.parent is None:
        raise bad_request("Root resource cannot be deleted.")
    transaction.run(delete(RESOURCE).where(RESOURCE.c.sequence == row.sequence))
    return None


def _get(transaction: Transaction, sequence: int) -> dict[str, Any]:
    row = transaction.one(select(RESOURCE).where(RESOURCE.c.sequence == sequence))
    return _shown(transaction, row, with_methods=False)


def _shown(transaction: Transaction, row: AnyRow, *, with_methods: bool) -> dict[str, Any]:
    show = methods_shown if with_methods else verbs_shown
    parent_id = None
    if row.parent is not None:
        parent_id = transaction.value(
            select(RESOURCE.c.id).where(RESOURCE.c.sequence == row.parent)
        )
    return present(
        id=row.id,
        parentId=parent_id,
        pathPart=row.path_part,
        path=row.path,
        resourceMethods=show(transaction, row.sequence) or None,
    )


def _checked_path(
    transaction: Transaction, parent: AnyRow, path_part: str, itself: int | None = None
) -> str:
    """Return the path of a part under a parent.

    Raises:
        ControlError: AWS would not let it grow there.
    """
    if (parent.path_part or "").endswith("+}"):
        text = "Cannot create a child of a resource with a greedy path variable"
        raise bad_request(f"{text}: {parent.path_part}")
    if not is_path_part(path_part):
        raise bad_request(PATH_PART_MESSAGE)
    path: str = f"{parent.path.rstrip('/')}/{path_part}"
    if problem := problem_of_path(path):
        raise bad_request(problem)
    siblings = select(RESOURCE.c.path_part).where(
        RESOURCE.c.parent == parent.sequence, RESOURCE.c.sequence != (itself or 0)
    )
    parts = list(transaction.connection.execute(siblings).scalars())
    if path_part in parts:
        text = "Another resource with the same parent already has this name"
        raise conflict(f"{text}: {path_part}")
    variable = next((part for part in parts if part.startswith("{")), None)
    if path_part.startswith("{") and variable is not None:
        raise bad_request(
            f"A sibling ({variable}) of this resource already has a variable path part -- "
            "only one is allowed"
        )
    return path


def _move(transaction: Transaction, row: AnyRow, parent: int, path_part: str) -> None:
    above = transaction.one(select(RESOURCE).where(RESOURCE.c.sequence == parent))
    path = _checked_path(transaction, above, path_part, row.sequence)
    below = select(RESOURCE.c.sequence, RESOURCE.c.path).where(
        RESOURCE.c.api == row.api, begins_with(RESOURCE.c.path, f"{row.path}/")
    )
    if path_part.endswith("+}") and transaction.rows(below.limit(1)):
        text = "Cannot create a child of a resource with a greedy path variable"
        raise bad_request(f"{text}: {path_part}")
    found = transaction.rows(below)
    is_row = RESOURCE.c.sequence == row.sequence
    transaction.run(
        update(RESOURCE).where(is_row).values(parent=parent, path_part=path_part, path=path)
    )
    for each in found:
        moved = path + each.path[len(row.path) :]
        if problem := problem_of_path(moved):
            raise bad_request(problem)
        is_each = RESOURCE.c.sequence == each.sequence
        transaction.run(update(RESOURCE).where(is_each).values(path=moved))


def _patch_part(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    if working["row"].parent is None:
        raise bad_request("Root resource cannot update its pathPart.")
    working["path_part"] = operation.value or ""


def _patch_parent(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    row, transaction = working["row"], working["transaction"]
    if row.parent is None:
        raise bad_request("Root resource cannot update its parentId.")
    parent = transaction.row(
        select(RESOURCE).where(RESOURCE.c.api == row.api, RESOURCE.c.id == operation.value)
    )
    if parent is None:
        raise not_found(_UNKNOWN)
    if parent.sequence == row.sequence or parent.path.startswith(f"{row.path}/"):
        raise bad_request("Resources cannot be cyclical.")
    working["parent"] = parent.sequence


_PATCHES: Final = PatchTable(
    (
        rule("/parentId", "replace", _patch_parent),
        rule("/pathPart", "replace", _patch_part),
    ),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "CreateResource": Served(create_resource, body=members(pathPart=TEXT)),
    "GetResource": Served(get_resource),
    "GetResources": Served(get_resources),
    "UpdateResource": Served(update_resource, body=PATCH),
    "DeleteResource": Served(delete_resource),
}
"""Operations of this family by name."""
