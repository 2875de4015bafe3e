"""Tags, of whatever has an ARN: kept by the object's part of it, such as `/restapis/{id}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import Column, Table, delete, func, literal, or_, select, update

from gateway.control.api.lookups import begins_with, refuse_if_file_owns
from gateway.control.api.protocol import Answer, Call, Served, present
from gateway.control.api.shapes import TEXT, map_of, members
from gateway.errors import ControlError, bad_request, not_found
from gateway.store.tables import (
    API_KEY,
    CLIENT_CERTIFICATE,
    DOMAIN_NAME,
    REST_API,
    STAGE,
    TAG,
    USAGE_PLAN,
    VPC_LINK,
)
from gateway.store.transaction import Transaction

TAGS_MAX: Final = 50
KEY_CHARACTERS: Final = 128
VALUE_CHARACTERS: Final = 256

_ARN: Final = re.compile(r"arn:[a-z0-9-]+:apigateway:[a-z0-9-]*:[0-9]*:(/[^\s?#]{1,512})")

Exists = Callable[[Transaction, tuple[str, ...]], bool]
"""Whether the object that a target's ids name is there."""


def _row_exists(table: Table) -> Exists:
    """Return the check of objects whose id is the column `id`."""
    return lambda transaction, ids: transaction.has(table, table.c.id == ids[0])


def _domain_exists(transaction: Transaction, ids: tuple[str, ...]) -> bool:
    return transaction.has(DOMAIN_NAME, DOMAIN_NAME.c.domain_name == ids[0])


def _stage_exists(transaction: Transaction, ids: tuple[str, ...]) -> bool:
    joined = REST_API.c.sequence == STAGE.c.api
    return transaction.has(STAGE, joined, REST_API.c.id == ids[0], STAGE.c.stage_name == ids[1])


TARGETS: Final[Mapping[str, Exists]] = {
    "/apikeys/{}": _row_exists(API_KEY),
    "/clientcertificates/{}": _row_exists(CLIENT_CERTIFICATE),
    "/domainnames/{}": _domain_exists,
    "/restapis/{}": _row_exists(REST_API),
    "/restapis/{}/stages/{}": _stage_exists,
    "/usageplans/{}": _row_exists(USAGE_PLAN),
    "/vpclinks/{}": _row_exists(VPC_LINK),
}
"""What can be tagged; a family adds its objects here: target with `{}` for ids, and the check."""

OWNERS: Final[Mapping[str, Column[Any]]] = {
    "apikeys": API_KEY.c.id,
    "domainnames": DOMAIN_NAME.c.domain_name,
    "restapis": REST_API.c.id,
    "usageplans": USAGE_PLAN.c.id,
}
"""First part of a target to the column of what its id names, where files may own such."""


def tags_of(transaction: Transaction, target: str) -> dict[str, str]:
    """Return an object's tags by name."""
    query = select(TAG.c.name, TAG.c.value).where(TAG.c.target == target).order_by(TAG.c.name)
    return {row.name: row.value for row in transaction.rows(query)}


def put_tags(transaction: Transaction, target: str, tags: Mapping[str, str] | None) -> None:
    """Add tags to an object, in place of those of the same name.

    Raises:
        ControlError: (BadRequestException) they are too many, or too long.
    """
    if not tags:
        return
    for name, value in tags.items():
        if not 0 < len(name) <= KEY_CHARACTERS or name.lower().startswith("aws:"):
            raise bad_request(f"Invalid tag key specified: 1 to {KEY_CHARACTERS} characters")
        if value is None or len(value) > VALUE_CHARACTERS:
            raise bad_request(f"Invalid tag value specified: at most {VALUE_CHARACTERS} characters")
    together = {**tags_of(transaction, target), **tags}
    if len(together) > TAGS_MAX:
        raise bad_request(f"An object has at most {TAGS_MAX} tags")
    names = list(tags)
    transaction.run(delete(TAG).where(TAG.c.target == target, TAG.c.name.in_(names)))
    transaction.insert_all(
        TAG, ({"target": target, "name": name, "value": together[name]} for name in names)
    )


def drop_tags(transaction: Transaction, target: str) -> None:
    """Forget the tags of an object that is deleted, and of everything below it."""
    below = begins_with(TAG.c.target, f"{target}/")
    transaction.run(delete(TAG).where(or_(TAG.c.target == target, below)))


def move_tags(transaction: Transaction, old: str, new: str) -> None:
    """Keep the tags of an object whose target changes, and of everything below it."""
    moved = literal(new) + func.substr(TAG.c.target, len(old) + 1)
    below = begins_with(TAG.c.target, f"{old}/")
    transaction.run(update(TAG).where(or_(TAG.c.target == old, below)).values(target=moved))


def target_of(arn: str) -> str:
    """Return the object's part of an ARN.

    Raises:
        ControlError: (BadRequestException) it is no ARN of API Gateway.
    """
    found = _ARN.fullmatch(arn)
    if found is None:
        raise bad_request("Invalid ARN specified in the request")
    return found[1]


def _existing(transaction: Transaction, call: Call) -> str:
    target = target_of(call.label("resource_arn"))
    for pattern, exists in TARGETS.items():
        parts, segments = pattern.split("/"), target.split("/")
        if len(parts) == len(segments) and all(
            part in ("{}", segment) for part, segment in zip(parts, segments, strict=True)
        ):
            named = zip(parts, segments, strict=True)
            ids = tuple(unquote(segment) for part, segment in named if part == "{}")
            if exists(transaction, ids):
                return target
            break
    raise _unknown(target)


def _changeable(transaction: Transaction, call: Call) -> str:
    """Return the target of a mutation, unless a file owns what it is part of."""
    target = _existing(transaction, call)
    _, kind, id_, *_ = target.split("/")
    if kind in OWNERS:
        refuse_if_file_owns(transaction, OWNERS[kind], unquote(id_))
    return target


def _unknown(target: str) -> ControlError:
    if target.startswith("/restapis/") and "/stages/" in target:
        return not_found("Invalid stage identifier specified")
    return not_found("Invalid resource identifier specified")


def get_tags(transaction: Transaction, call: Call) -> Answer:
    """Serve GetTags. Fifty fit on a page: there is no position."""
    return {"tags": tags_of(transaction, _existing(transaction, call))}


def tag_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve TagResource."""
    put_tags(transaction, _changeable(transaction, call), call.body.get("tags"))
    return None


def untag_resource(transaction: Transaction, call: Call) -> Answer:
    """Serve UntagResource."""
    target = _changeable(transaction, call)
    names = call.query.get("tagKeys", [])[: 2 * TAGS_MAX]
    transaction.run(delete(TAG).where(TAG.c.target == target, TAG.c.name.in_(names)))
    return None


def shown_tags(transaction: Transaction, target: str) -> dict[str, Any]:
    """Return `{"tags": …}`, or nothing when there are none: as creations and lists show them."""
    return present(tags=tags_of(transaction, target) or None)


OPERATIONS: Final[Mapping[str, Served]] = {
    "GetTags": Served(get_tags),
    "TagResource": Served(tag_resource, body=members(tags=map_of(TEXT))),
    "UntagResource": Served(untag_resource),
}
"""Operations of this family by name."""
