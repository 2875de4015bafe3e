"""What belongs to no API: the account, tags, the audit trail, used signatures, the revision."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, Integer, Table, Text

from gateway.store.tables.metadata import METADATA, Json

ACCOUNT: Final = Table(
    "account",
    METADATA,
    # One row, 1, there from the first migration on.
    Column("sequence", Integer, primary_key=True),
    Column("cloudwatch_role_arn", Text),
    Column("features", Json, nullable=False),
)

TAG: Final = Table(
    "tag",
    METADATA,
    # The object's part of its ARN, such as /restapis/a1b2c3d4e5/stages/prod.
    Column("target", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

REVISION: Final = Table(
    "revision",
    METADATA,
    # One row, 1: how many mutations were committed.
    Column("sequence", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
)

SIGNATURE: Final = Table(
    "signature",
    METADATA,
    # A hash of the signature of a mutation.
    Column("mark", Text, primary_key=True),
    # When it would not be accepted any more, and is forgotten.
    Column("until_epoch", Float, nullable=False),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("event_epoch", Float, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    # The revision that it made; null: it failed.
    Column("revision", Integer),
    Column("error_code", Text),
    # The whole event as a JSON object in CloudTrail's field names.
    Column("record", Text, nullable=False),
)

AUDIT_SIZE: Final = Table(
    "audit_size",
    METADATA,
    # One row, 1, kept by triggers on the trail.
    Column("sequence", Integer, primary_key=True),
    Column("bytes", Integer, nullable=False),
)
