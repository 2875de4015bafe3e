"""VpcLinks: Create, Get, GetAll, Update, Delete.

By AWS the ARN of a link names a network load balancer; here it names the group of addresses that
stands for one. Nothing has to be built for it: the answer to its making says PENDING, as tools
expect, and every later one AVAILABLE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, or_, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, row_of
from gateway.control.api.patch import PatchOperation, PatchTable, Rule, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.rows import refuse_one_more, write_row
from gateway.control.api.shapes import PATCH, TEXT, list_of, map_of, members
from gateway.control.api.tags import drop_tags, put_tags, shown_tags, tags_of
from gateway.definitions.identity import resource_id
from gateway.definitions.integration import ConnectionType, Integration
from gateway.definitions.rest_api import ApiDefinition
from gateway.errors import ControlError, bad_request
from gateway.store.ids import SHORT
from gateway.store.served import definition_from
from gateway.store.tables import DEPLOYMENT, REST_API, STAGE, VPC_LINK
from gateway.store.transaction import Transaction

LINKS_MAX: Final = 1000
"""VPC links of one gateway (AWS: 20, adjustable)."""
NAME_CHARACTERS: Final = 1024
DESCRIPTION_CHARACTERS: Final = 1024
ARN_CHARACTERS: Final = 2048
_USERS_TOLD: Final = 10

READY: Final = "Your vpc link is ready for use"

_CREATE: Final = members(name=TEXT, description=TEXT, targetArns=list_of(TEXT), tags=map_of(TEXT))
_ARN: Final = re.compile(r"arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^\s\x00-\x1f\x7f]+")
_VARIABLE: Final = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def target_of_link(link_id: str) -> str:
    """Return the part of a VPC link's ARN under which its tags are kept."""
    return f"/vpclinks/{link_id}"


def create_vpc_link(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateVpcLink."""
    body = call.body
    values = {
        "name": _name(body.get("name")),
        "description": _description(body.get("description")),
        "target_arns": _targets(body.get("targetArns", [])),
    }
    refuse_one_more(transaction, VPC_LINK, LINKS_MAX, f"At most {LINKS_MAX} VPC links are kept")
    id_ = transaction.new_id(VPC_LINK, SHORT)
    transaction.insert(VPC_LINK, id=id_, created_epoch=transaction.epoch, **values)
    put_tags(transaction, target_of_link(id_), body.get("tags"))
    told = shown(link_of(transaction, id_), is_new=True)
    return {**told, **shown_tags(transaction, target_of_link(id_))}


def get_vpc_link(transaction: Transaction, call: Call) -> Answer:
    """Serve GetVpcLink."""
    row = link_of(transaction, call.label("vpclink_id"))
    return {**shown(row), "tags": tags_of(transaction, target_of_link(row.id))}


def get_vpc_links(transaction: Transaction, call: Call) -> Answer:
    """Serve GetVpcLinks."""

    def item(row: AnyRow) -> dict[str, Any]:
        return {**shown(row), **shown_tags(transaction, target_of_link(row.id))}

    return page(transaction, call, select(VPC_LINK), VPC_LINK.c.sequence, item)


def update_vpc_link(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateVpcLink; where it leads to cannot change."""
    row = link_of(transaction, call.label("vpclink_id"))
    changed = patch.patch_row(row, call.body, _PATCHES)
    write_row(transaction, VPC_LINK, row, changed)
    return get_vpc_link(transaction, call)


def delete_vpc_link(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteVpcLink; one that a stage's deployment leads through stays."""
    row = link_of(transaction, call.label("vpclink_id"))
    users = _users(transaction, row.id)
    if users:
        raise bad_request(
            f"Cannot delete vpc link. Vpc link '{row.id}', is referenced in [{', '.join(users)}] "
            "in format of [RESTApiId:Method:Resource:Stage]."
        )
    transaction.run(delete(VPC_LINK).where(VPC_LINK.c.sequence == row.sequence))
    drop_tags(transaction, target_of_link(row.id))
    return None


def link_of(transaction: Transaction, link_id: str) -> AnyRow:
    """Return the row of a VPC link by its id.

    Raises:
        ControlError: (NotFoundException) there is none.
    """
    return row_of(
        transaction,
        select(VPC_LINK).where(VPC_LINK.c.id == link_id),
        "Invalid Vpc Link identifier specified",
    )


def check_connection(transaction: Transaction, connection_id: str) -> None:
    """Check that an integration's `connectionId` names a link, or a stage variable that will.

    Raises:
        ControlError: (NotFoundException) it names neither.
    """
    if not _VARIABLE.fullmatch(connection_id):
        link_of(transaction, connection_id)


def shown(row: AnyRow, *, is_new: bool = False) -> dict[str, Any]:
    """Return a link in AWS's shape, without tags."""
    return present(
        id=row.id,
        name=row.name,
        description=row.description,
        targetArns=row.target_arns,
        status="PENDING" if is_new else "AVAILABLE",
        statusMessage=None if is_new else READY,
    )


def leads_through(integration: Integration, link_id: str, variables: Mapping[str, str]) -> bool:
    """Whether an integration leads through a link on a stage with these variables."""
    if integration.connection_type is not ConnectionType.VPC_LINK:
        return False
    connection = integration.connection_id or ""
    named = _VARIABLE.fullmatch(connection)
    return (variables.get(named[1]) if named is not None else connection) == link_id


def _users(transaction: Transaction, link_id: str) -> list[str]:
    """Return the methods of stages that lead through a link, no more than are told."""
    canary = func.json_extract(STAGE.c.canary_settings, "$.deploymentId")
    # What does not so much as hold the id need not be read.
    holds = [
        func.instr(column, link_id) > 0
        for column in (DEPLOYMENT.c.definition, STAGE.c.variables, STAGE.c.canary_settings)
    ]
    query = (
        select(
            REST_API.c.id.label("api_id"),
            STAGE.c.stage_name,
            STAGE.c.deployment_id.label("base_id"),
            STAGE.c.variables,
            STAGE.c.canary_settings,
            DEPLOYMENT.c.id.label("deployment_id"),
            DEPLOYMENT.c.definition,
        )
        .select_from(STAGE)
        .join(REST_API, REST_API.c.sequence == STAGE.c.api)
        .join(DEPLOYMENT, or_(DEPLOYMENT.c.id == STAGE.c.deployment_id, DEPLOYMENT.c.id == canary))
        .where(or_(*holds))
        .order_by(STAGE.c.sequence, DEPLOYMENT.c.sequence)
    )
    users: dict[str, None] = {}
    for row in transaction.connection.execute(query):
        canary_settings = row.canary_settings or {}
        overrides = canary_settings.get("stageVariableOverrides") or {}
        arms = (
            (row.base_id, row.variables),
            (canary_settings.get("deploymentId"), {**row.variables, **overrides}),
        )
        definition = definition_from(row.definition, row.deployment_id)
        for deployment_id, variables in arms:
            if deployment_id != row.deployment_id:
                continue
            for method in _methods(definition, link_id, variables):
                users[f"{row.api_id}:{method}:{row.stage_name}"] = None
        if len(users) >= _USERS_TOLD:
            break
    return list(users)[:_USERS_TOLD]


def _methods(definition: ApiDefinition, link_id: str, variables: Mapping[str, str]) -> list[str]:
    return [
        f"{http_method}:{resource.id or resource_id(resource.path)}"
        for resource in definition.resources
        for http_method, method in resource.methods.items()
        if method.integration is not None and leads_through(method.integration, link_id, variables)
    ]


def _name(value: str | None) -> str:
    if not value:
        raise bad_request("Name cannot be empty")
    if len(value) > NAME_CHARACTERS:
        raise bad_request(f"Name can be at most {NAME_CHARACTERS} characters")
    return value


def _description(value: str | None) -> str | None:
    if value is not None and len(value) > DESCRIPTION_CHARACTERS:
        raise bad_request(f"Description can be at most {DESCRIPTION_CHARACTERS} characters")
    return value


def _targets(arns: list[str]) -> list[str]:
    if not arns:
        raise bad_request("No target arn specified for vpc link.")
    if len(arns) > 1:
        raise bad_request("More than one target arn specified for vpc link.")
    if len(arns[0]) > ARN_CHARACTERS or not _ARN.fullmatch(arns[0]):
        cut = arns[0] if len(arns[0]) <= 200 else f"{arns[0][:199]}…"
        raise bad_request(f"Invalid ARN. ARN is not well formed {cut}")
    return arns


def _patch_target(_working: Working, _operation: PatchOperation, _places: tuple[str, ...]) -> None:
    raise bad_request("Target arns are not allowed to be changed/added.")


def _unknown(operation: PatchOperation, rules: Sequence[Rule]) -> ControlError:
    """Return the listing of what can change."""
    return patch.listing(operation, [each for each in rules if each.apply is not _patch_target])


_PATCHES: Final = PatchTable(
    (
        rule("/name", "replace", patch.member("name", _name)),
        rule("/description", "replace", patch.member("description", _description)),
        rule("/targetArns", "add replace remove", _patch_target),
    ),
    unknown=_unknown,
)

OPERATIONS: Final = {
    "CreateVpcLink": Served(create_vpc_link, body=_CREATE),
    "GetVpcLink": Served(get_vpc_link),
    "GetVpcLinks": Served(get_vpc_links),
    "UpdateVpcLink": Served(update_vpc_link, body=PATCH),
    "DeleteVpcLink": Served(delete_vpc_link),
}
"""Operations of this family by name."""
