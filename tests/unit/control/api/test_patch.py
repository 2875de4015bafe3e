from __future__ import annotations

import pytest

from gateway.control.api import patch
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.errors import ControlError, conflict

TABLE = PatchTable(
    (
        rule("/name", "replace", patch.member("name", patch.required_text("no name"))),
        rule("/description", "add replace remove", patch.member("description")),
        rule("/enabled", "replace", patch.member("enabled", patch.boolean)),
        rule("/size", "replace", patch.member("size", patch.integer("bad size", 1, 9))),
        rule("/rate", "replace", patch.member("rate", patch.number("bad rate", 0.0, 9.0))),
        rule("/kind", "replace", patch.member("kind", patch.choice("ab", "bad kind"))),
        rule("/maybe", "replace", patch.member("maybe", patch.optional(patch.choice("a", "no")))),
        rule("/map/{key}", "add replace remove", patch.entry("map", patch.text)),
        rule("/list/{item}", "add remove", patch.listed("list"), wrong_op="only add and remove"),
    )
)


def applied(*operations: tuple[str, ...]) -> Working:
    working: Working = {"name": "n", "description": "d", "map": {"a/b": "1"}, "list": ["x"]}
    TABLE.apply([made(*each) for each in operations], working)
    return working


def made(op: str, path: str, value: str | None = None) -> PatchOperation:
    return PatchOperation(op=op, path=path, value=value)


def test_operations_apply_in_order_to_one_copy() -> None:
    working = applied(
        ("replace", "/name", "new"),
        ("remove", "/description"),
        ("add", "/description", "again"),
        ("replace", "/enabled", "TRUE"),
        ("replace", "/size", "3"),
        ("replace", "/rate", "0.5"),
        ("replace", "/kind", "b"),
        ("replace", "/maybe", ""),
        ("remove", "/map/a~1b"),
        ("add", "/map/c~0d", "2"),
        ("add", "/list/-"),
        ("remove", "/list/x"),
    )

    assert working == {
        "name": "new",
        "description": "again",
        "enabled": True,
        "size": 3,
        "rate": 0.5,
        "kind": "b",
        "maybe": None,
        "map": {"c~d": "2"},
        "list": ["-"],
    }


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (("replace", "/nothing", "x"), "Invalid patch path /nothing"),
        (("add", "/name", "x"), "Invalid patch path /name"),
        (("replace", "", "x"), "Invalid patch path null"),
        (("replace", "name", "x"), "Invalid patch path name"),
        (("replace", "/map", "x"), "Invalid patch path /map"),
        (("replace", "/map/a/b", "x"), "Invalid patch path /map/a/b"),
        (("replace", "/list/x", "y"), "only add and remove"),
        (("replace", "/name"), "no name"),
        (("replace", "/size", "10"), "bad size"),
        (("replace", "/size", "1.0"), "bad size"),
        (("replace", "/size", "0_1"), "bad size"),
        (("replace", "/size", " 1"), "bad size"),
        (("replace", "/size", "\u0663"), "bad size"),
        (("replace", "/size"), "bad size"),
        (("replace", "/rate", "nan"), "bad rate"),
        (("replace", "/rate", "x"), "bad rate"),
        (("replace", "/rate", "0_1"), "bad rate"),
        (("replace", "/rate", "\u0663.0"), "bad rate"),
        (("replace", "/rate", "1\n"), "bad rate"),
        (("replace", "/rate", "1" * 400), "bad rate"),
        (("replace", "/rate"), "bad rate"),
        (("replace", "/kind"), "bad kind"),
        (("remove", "/map/none"), "Invalid parameter name specified"),
        (("remove", "/list/none"), "Invalid parameter name specified"),
    ],
)
def test_what_no_rule_allows_is_refused(operation: tuple[str, ...], message: str) -> None:
    with pytest.raises(ControlError) as error:
        applied(operation)

    assert error.value.message == message


def test_what_is_not_a_boolean_is_false() -> None:
    assert [patch.boolean(text) for text in ("true", "True", "yes", "", None)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_listing_names_the_paths_of_the_op() -> None:
    rules = (rule("/a", "replace", patch.member("a")), rule("/b", "replace", patch.member("b")))

    messages = [patch.listing(made(op, "/x"), rules).message for op in ("replace", "add")]
    assert messages == [
        "Invalid patch path  '/x' specified for op 'replace'. Must be one of: [/a, /b]",
        "Invalid patch path  '/x' specified for op 'add'. Please choose supported operations",
    ]


def test_an_entry_has_the_error_of_its_family() -> None:
    table = PatchTable(
        (
            rule(
                "/m/{k}",
                "replace",
                patch.entry("m", patch.text, conflict, must_exist_to_replace=True),
            ),
        )
    )

    with pytest.raises(ControlError) as error:
        table.apply([made("replace", "/m/k", "v")], {"m": {}})
    assert error.value.code == "ConflictException"


def test_operations_are_bounded_and_have_an_op() -> None:
    assert patch.operations_of({}) == []
    with pytest.raises(ControlError, match="LimitExceededException"):
        patch.operations_of({"patchOperations": [{"op": "add"}] * 1001})
    with pytest.raises(ControlError, match="BadRequestException"):
        patch.operations_of({"patchOperations": [{"path": "/a"}]})


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12.0), ("-1", -1.0), ("+0.50", 0.5), ("1e+06", 1_000_000.0), ("1e999", None)],
)
def test_a_number_is_one_of_ascii_digits(text: str, number: float | None) -> None:
    assert patch.finite_number(text) == number
