"""What of an API made by clients has no words in files: told when it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, func, select

from gateway.store.tables import (
    DEPLOYMENT,
    DOCUMENTATION_VERSION,
    METHOD,
    RESOURCE,
    STAGE,
)
from gateway.store.transaction import Transaction

_NAMED = 10


def left_out(
    transaction: Transaction, api: Row[*tuple[Any, ...]], served_deployments: int
) -> Iterator[str]:
    """Yield a sentence for each thing that the API's files will not say.

    `served_deployments` is the number of its deployments that stages and canaries point at.
    """
    if api.security_policy is not None:
        yield f"its securityPolicy, {api.security_policy}, is not exported"
    if api.endpoint_access_mode is not None:
        yield f"its endpointAccessMode, {api.endpoint_access_mode}, is not exported"
    yield from _of_stages(transaction, api.sequence)
    deployments = _count(transaction, DEPLOYMENT, api.sequence) - served_deployments
    if deployments:
        yield f"deployments that no stage serves are not exported ({deployments})"
    versions = _count(transaction, DOCUMENTATION_VERSION, api.sequence)
    if versions:
        yield f"documentation versions are not exported ({versions}); the present parts are"
    bare = (
        select(RESOURCE.c.path)
        .where(
            RESOURCE.c.api == api.sequence,
            RESOURCE.c.path != "/",
            RESOURCE.c.sequence.not_in(select(METHOD.c.resource)),
            RESOURCE.c.sequence.not_in(
                select(RESOURCE.c.parent).where(RESOURCE.c.parent.is_not(None))
            ),
        )
        .order_by(RESOURCE.c.path)
    )
    paths = [row.path for row in transaction.rows(bare)]
    if paths:
        more = ", …" if paths[_NAMED:] else ""
        named = ", ".join(paths[:_NAMED]) + more
        yield f"resources without methods are not exported ({len(paths)}): {named}"


def _of_stages(transaction: Transaction, api: int) -> Iterator[str]:
    query = select(STAGE).where(STAGE.c.api == api).order_by(STAGE.c.sequence)
    for row in transaction.rows(query):
        if row.web_acl_arn:
            yield f"the webAclArn of stage {row.stage_name} is not exported"
        log = row.access_log_settings
        if log is not None and not (log.get("destinationArn") and log.get("format")):
            yield (
                f"the accessLogSettings of stage {row.stage_name} are not exported: without a "
                "destination and a format nothing is logged"
            )


def _count(transaction: Transaction, table: Any, api: int) -> int:
    return int(transaction.value(select(func.count()).select_from(table).where(table.c.api == api)))
