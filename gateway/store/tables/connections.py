"""What connections to backends need: client certificates and VPC links."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Integer, Table, Text

from gateway.store.tables.metadata import METADATA, Json

CLIENT_CERTIFICATE: Final = Table(
    "client_certificate",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("certificate", Text, nullable=False),
    Column("created_epoch", Float, nullable=False),
    Column("expiration_epoch", Float, nullable=False),
)

CLIENT_CERTIFICATE_KEY: Final = Table(
    "client_certificate_key",
    METADATA,
    # A table of its own: no query that shows certificates can meet a private key.
    Column("sequence", Integer, primary_key=True),
    Column(
        "client_certificate",
        ForeignKey("client_certificate.sequence", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    # PEM, PKCS #8.
    Column("private_key", Text, nullable=False),
)

VPC_LINK: Final = Table(
    "vpc_link",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    # One ARN: it names the group of addresses that the link leads to.
    Column("target_arns", Json, nullable=False),
    Column("created_epoch", Float, nullable=False),
)
