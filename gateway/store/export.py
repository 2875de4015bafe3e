"""Reads one API of a store that may be in use: its own connection, and only to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import create_engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from gateway.definitions.documentation import DocumentationPart, location_of
from gateway.definitions.rest_api import (
    ApiDefinition,
    EndpointConfiguration,
    EndpointType,
    IpAddressType,
)
from gateway.definitions.stage import Stage
from gateway.errors import ConfigurationError, Problem
from gateway.store.left_out import left_out
from gateway.store.served import definition_from, served_apis
from gateway.store.tables import DOCUMENTATION_PART, REST_API, STAGE, TAG
from gateway.store.transaction import Transaction
from gateway.store.working_copy import definition_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredApi:
    """An API that clients made: all of it that files can hold."""

    api_id: str
    working_copy: ApiDefinition
    tags: Mapping[str, str]
    stages: Mapping[str, Stage]
    """Stages by name, with description and tags."""
    definitions: Mapping[str, ApiDefinition]
    """Deployment id to definition, of the deployments that stages and canaries point at."""
    endpoint_configuration: EndpointConfiguration
    """Complete, as AWS's clients see it."""
    documentation_parts: tuple[DocumentationPart, ...]
    """In the order of their making."""
    left_out: tuple[str, ...]
    """What files have no words for, a sentence each."""


def read_api(path: Path, api_id: str) -> StoredApi:
    """Return an API of the store at `path`.

    Raises:
        ConfigurationError: there is no store, it cannot be read, has no such API, or the API is
            that of a file already.
    """
    if not path.exists():
        raise _failure(f"there is no store at {path}; is --data right?")
    engine = create_engine(
        f"sqlite:///file:{path.absolute()}?mode=ro&uri=true",
        isolation_level="AUTOCOMMIT",
        poolclass=StaticPool,
        json_deserializer=orjson.loads,
    )
    try:
        with engine.connect() as connection:
            # One moment's state, however many queries.
            connection.exec_driver_sql("BEGIN")
            found = _read(Transaction(connection, 0.0), api_id)
            connection.exec_driver_sql("ROLLBACK")
            return found
    except DBAPIError as error:
        raise _failure(f"the store {path}: {error.orig}") from error
    finally:
        engine.dispose()


def _read(transaction: Transaction, api_id: str) -> StoredApi:
    api = transaction.row(select(REST_API).where(REST_API.c.id == api_id))
    if api is None:
        rows = transaction.rows(select(REST_API.c.id).order_by(REST_API.c.sequence).limit(20))
        known = ", ".join(row.id for row in rows) or "none"
        raise _failure(f"there is no API {api_id}; known are: {known}")
    if api.file is not None:
        raise _failure(f"the API {api_id} is that of the file {api.file} already")
    served = served_apis(transaction, [api_id], ())[api_id]
    stages, deployments = ({}, {}) if served is None else (served.stages, served.deployments)
    target = f"/restapis/{api_id}"
    query = select(STAGE.c.stage_name, STAGE.c.description).where(STAGE.c.api == api.sequence)
    descriptions = {row.stage_name: row.description or "" for row in transaction.rows(query)}
    return StoredApi(
        api_id=api_id,
        working_copy=definition_of(transaction, api.sequence),
        tags=_tags(transaction, target),
        stages={
            name: dataclasses.replace(
                stage,
                description=descriptions[name],
                tags=_tags(transaction, f"{target}/stages/{name}"),
            )
            for name, stage in stages.items()
        },
        definitions={id_: definition_from(each.text, id_) for id_, each in deployments.items()},
        endpoint_configuration=_endpoint(api.endpoint_configuration),
        documentation_parts=_documentation(transaction, api.sequence),
        left_out=tuple(left_out(transaction, api, len(deployments))),
    )


def _endpoint(shape: Mapping[str, Any]) -> EndpointConfiguration:
    return EndpointConfiguration(
        types=tuple(map(EndpointType, shape["types"])),
        ip_address_type=IpAddressType(shape["ipAddressType"]),
        vpc_endpoint_ids=tuple(shape.get("vpcEndpointIds", ())),
    )


def _documentation(transaction: Transaction, api: int) -> tuple[DocumentationPart, ...]:
    part = DOCUMENTATION_PART
    query = select(part.c.location, part.c.properties).where(part.c.api == api)
    return tuple(
        DocumentationPart(location=location_of(row.location), properties=row.properties)
        for row in transaction.rows(query.order_by(part.c.sequence))
    )


def _tags(transaction: Transaction, target: str) -> dict[str, str]:
    query = select(TAG.c.name, TAG.c.value).where(TAG.c.target == target).order_by(TAG.c.name)
    return {row.name: row.value for row in transaction.rows(query)}


def _failure(text: str) -> ConfigurationError:
    return ConfigurationError((Problem("", text),))
