from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, UniqueConstraint, create_engine, inspect

from gateway.errors import ConfigurationError
from gateway.store.api_parts import BUILT_IN_MODELS
from gateway.store.migrate import migrate
from gateway.store.migrations import MIGRATIONS
from gateway.store.tables import METADATA

KEYS = ("sequence", "target")
"""SQLite lets a primary key be called nullable."""


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", isolation_level="AUTOCOMMIT")
    with engine.connect() as made:
        made.exec_driver_sql("PRAGMA foreign_keys = ON")
        yield made
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_speaks_of(connection: Connection) -> None:
    migrate(connection)

    inspector = inspect(connection)
    made = {
        name: {
            column["name"]: column["nullable"] and column["name"] not in KEYS
            for column in inspector.get_columns(name)
        }
        for name in inspector.get_table_names()
    }
    del made["migration"]
    assert made == {
        name: {column.name: bool(column.nullable) for column in table.columns}
        for name, table in METADATA.tables.items()
    }
    for name, table in METADATA.tables.items():
        keys = {
            (key["constrained_columns"][0], key["referred_table"], key["options"].get("ondelete"))
            for key in inspector.get_foreign_keys(name)
        }
        assert keys == {
            (key.parent.name, key.column.table.name, key.ondelete) for key in table.foreign_keys
        }
        unique = {tuple(each["column_names"]) for each in inspector.get_unique_constraints(name)}
        wanted = {
            tuple(column.name for column in constraint.columns)
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
        }
        assert unique == wanted


def test_every_table_with_a_sequence_has_it_as_its_key(connection: Connection) -> None:
    migrate(connection)

    inspector = inspect(connection)
    assert [
        name
        for name, table in METADATA.tables.items()
        if "sequence" in table.c
        and inspector.get_pk_constraint(name)["constrained_columns"] != ["sequence"]
    ] == []


def test_each_is_applied_once_and_in_order(connection: Connection) -> None:
    first = {1: ("CREATE TABLE a (x)",), 2: ("INSERT INTO a VALUES (1)",)}

    assert migrate(connection, first) == [1, 2]
    assert migrate(connection, first) == []
    assert migrate(connection, {**first, 3: ("INSERT INTO a VALUES (2)",)}) == [3]
    assert connection.exec_driver_sql("SELECT count(*) FROM a").scalar() == 2


def test_a_store_of_a_newer_version_is_refused(connection: Connection) -> None:
    migrate(connection, {1: (), 7: ()})

    with pytest.raises(ConfigurationError, match="migration 7"):
        migrate(connection, {1: ()})


def test_apis_made_before_there_were_models_get_the_two_of_every_api(
    connection: Connection,
) -> None:
    migrate(connection, {1: MIGRATIONS[1]})
    insert = (
        "INSERT INTO rest_api (id, name, api_key_source, binary_media_types, "
        "disable_execute_api_endpoint, endpoint_configuration, root_resource_id, created_epoch, "
        "file) VALUES (?, 'a', 'HEADER', '[]', 0, '{}', 'root', 0, ?)"
    )
    for row in (("one", None), ("two", None), ("filed", "filed.yaml")):
        connection.exec_driver_sql(insert, row)

    migrate(connection)

    query = (
        "SELECT rest_api.id, model.name, model.schema, model.description FROM model "
        "JOIN rest_api ON rest_api.sequence = model.api ORDER BY 1, 2"
    )
    assert [tuple(row) for row in connection.exec_driver_sql(query)] == [
        (api, name, model.schema, model.description)
        for api in ("one", "two")
        for name, model in BUILT_IN_MODELS.items()
    ]


def test_numbers_have_no_gaps() -> None:
    assert min(MIGRATIONS) == 1
