"""Reads what the store serves, so that what is wrong with one API holds up no other.

An API that cannot be read stays as it was last good, and is named in the log and in `/status`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from gateway.release import Release, arms
from gateway.store.served import ServedApi, served_apis
from gateway.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """What was read of some APIs."""

    apis: Mapping[str, ServedApi | None]
    """What is served of each; None: nothing, or a file manages it."""
    problems: Mapping[str, str]
    """API id to why it cannot be read, for each of the others."""


def read_apis(
    transaction: Transaction, api_ids: Iterable[str], known: Container[str]
) -> StoredReading:
    """Read all APIs together; where that fails, one by one.

    Raises:
        SQLAlchemyError: the store itself cannot be read.
    """
    wanted = list(api_ids)
    try:
        return StoredReading(apis=served_apis(transaction, wanted, known), problems={})
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001 (one of them cannot be read: which, is found out below)
        return _read_each(transaction, wanted, known)


def _read_each(
    transaction: Transaction, api_ids: Iterable[str], known: Container[str]
) -> StoredReading:
    apis: dict[str, ServedApi | None] = {}
    problems: dict[str, str] = {}
    for api_id in api_ids:
        try:
            apis.update(served_apis(transaction, [api_id], known))
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a row holds, it concerns one API)
            problems[api_id] = f"cannot be read from the store: {str(error) or repr(error)}"
    return StoredReading(apis=apis, problems=problems)


def as_it_was(release: Release, api_ids: Iterable[str]) -> dict[str, ServedApi | None]:
    """Return stored APIs as a release has them, whose deployments are known; None: not at all."""
    return {
        api_id: ServedApi(
            stages=release.stages[api_id],
            deployment_ids=frozenset(
                id_ for stage in release.stages[api_id].values() for _, id_ in arms(stage)
            ),
            deployments={},
        )
        if api_id in release.stages and api_id not in release.files
        else None
        for api_id in api_ids
    }
