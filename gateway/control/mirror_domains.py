"""Shows in the store the custom domain names of `domains.yaml`, read-only like its APIs.

A domain that clients made is set aside while the file defines one of the same name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import orjson
from sqlalchemy import delete, select, update

from gateway.configuration.files import DOMAINS
from gateway.control.api.domain_rows import new_domain, target_of_domain
from gateway.control.api.tags import drop_tags, move_tags
from gateway.definitions import codec
from gateway.definitions.domain import DomainName
from gateway.definitions.stage_validation import NO_BASE_PATH
from gateway.store.served import ASIDE
from gateway.store.sync import sync_rows
from gateway.store.tables import BASE_PATH_MAPPING, DOMAIN_NAME
from gateway.store.transaction import Transaction

_FORMAT: Final = 1
"""Part of each digest: raised when what is written for a domain changes."""


def mirror_domains(transaction: Transaction, domains: Iterable[DomainName]) -> None:
    """Make the store show these domains of the file, and no others of it.

    What has not changed is not written again.
    """
    query = select(DOMAIN_NAME.c.sequence, DOMAIN_NAME.c.domain_name, DOMAIN_NAME.c.file_digest)
    rows = transaction.rows(query.where(DOMAIN_NAME.c.file.is_not(None)))
    shown: dict[str, Any] = {row.domain_name: row for row in rows}
    wanted = {domain.domain_name: domain for domain in domains}
    for name, row in shown.items():
        if name not in wanted:
            _remove(transaction, row.sequence, name)
            if _rename(transaction, name + ASIDE, name):
                transaction.changes.are_domains_changed = True
    for name, domain in wanted.items():
        digest = _digest(domain)
        row = shown.get(name)
        if row is None:
            _rename(transaction, name, name + ASIDE)
        elif row.file_digest == digest:
            continue
        _write(transaction, domain, digest, None if row is None else row.sequence)


def _write(transaction: Transaction, domain: DomainName, digest: str, known: int | None) -> None:
    """Write a domain; `known` is the `sequence` under which it is shown already."""
    told = codec.encode(domain)
    values: dict[str, Any] = {
        "endpoint_configuration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"},
        "mutual_tls_authentication": told.get("mutualTlsAuthentication"),
        "endpoint_access_mode": None
        if domain.endpoint_access_mode == "BASIC"
        else domain.endpoint_access_mode.value,
        "file": DOMAINS,
        "file_digest": digest,
    }
    if known is None:
        new = new_domain(transaction, domain.domain_name)
        sequence = transaction.insert(DOMAIN_NAME, **new, **values)
    else:
        sequence = known
        found = DOMAIN_NAME.c.sequence == sequence
        transaction.run(update(DOMAIN_NAME).where(found).values(**values))
    sync_rows(
        transaction,
        BASE_PATH_MAPPING,
        ("domain", sequence),
        "base_path",
        (
            {
                "base_path": mapping.base_path,
                "rest_api_id": mapping.rest_api_id,
                "stage": None if mapping.stage == NO_BASE_PATH else mapping.stage,
            }
            for mapping in domain.base_path_mappings
        ),
    )


def _digest(domain: DomainName) -> str:
    text = orjson.dumps([_FORMAT, codec.encode(domain)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:32]


def _remove(transaction: Transaction, sequence: int, name: str) -> None:
    transaction.run(delete(DOMAIN_NAME).where(DOMAIN_NAME.c.sequence == sequence))
    drop_tags(transaction, target_of_domain(name))


def _rename(transaction: Transaction, before: str, after: str) -> int:
    move_tags(transaction, target_of_domain(before), target_of_domain(after))
    found = DOMAIN_NAME.c.domain_name == before
    return transaction.run(update(DOMAIN_NAME).where(found).values(domain_name=after))
