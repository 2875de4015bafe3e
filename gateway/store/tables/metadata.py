"""What the tables of every family share: one MetaData, and the column types."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, MetaData

METADATA: Final = MetaData()
"""Every table of the store; migrations, not this, make them."""

Json: Final = JSON(none_as_null=True)
"""A JSON document inside a column: a map or list that no query looks into."""
