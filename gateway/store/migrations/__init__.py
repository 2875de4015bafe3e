"""The schema's history: numbered migrations, each applied once, in order, when a store is opened.

A released migration is never edited. A new one is a module `mNNN_what.py` with `STATEMENTS`, and a
line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.store.migrations import (
    m001_first,
    m002_models,
    m003_keys,
    m004_domains_documentation,
    m005_signatures,
    m006_audit_size,
    m007_usage_files,
    m008_usage_flush,
)

MIGRATIONS: Final[Mapping[int, tuple[str, ...]]] = {
    1: m001_first.STATEMENTS,
    2: m002_models.STATEMENTS,
    3: m003_keys.STATEMENTS,
    4: m004_domains_documentation.STATEMENTS,
    5: m005_signatures.STATEMENTS,
    6: m006_audit_size.STATEMENTS,
    7: m007_usage_files.STATEMENTS,
    8: m008_usage_flush.STATEMENTS,
}
"""Number to statements; those that a store has not seen yet are applied by ascending number."""
