from __future__ import annotations

import pytest

from gateway.mapping.lenient_json import NESTING, STATUS_DIGITS, status_code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"statusCode": 200}', 200),
        ("{statusCode: 200}", 200),
        ("{statusCode:200}", 200),
        ("{'statusCode': 200, '': ''}", 200),
        ("  \r\n\t{ statusCode : 200 }  ", 200),
        ("{statusCode: 200,}", 200),
        ('{"a": [1, 2,], "statusCode": 204,}', 204),
        ("{'statusCode': 200}foo: [ba r]}", 200),
        ("{statusCode: 200} } ] ,", 200),
        ('{"a": {"statusCode": 500, "b": ["}", \'{\']}, "statusCode": 201}', 201),
        ('{"a": "\\"statusCode\\": 500", "statusCode": 201}', 201),
        ('{"statusCode": 0}', 0),
        ('{"statusCode": -1000}', -1000),
        ('{"statusCode": 200, "statusCode": 404}', 404),
        ('{"status\\u0043ode": 200}', 200),
        ("{statusCode: 200, a: true, b: null, c: text, d: 1.5e3}", 200),
        ('{"statusCode": ' + "9" * STATUS_DIGITS + "}", int("9" * STATUS_DIGITS)),
        ('{"a": ' + "[" * (NESTING - 1) + "]" * (NESTING - 1) + ', "statusCode": 200}', 200),
    ],
)
def test_what_aws_takes_selects(text: str, expected: int) -> None:
    assert status_code(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "200",
        "statusCode: 200",
        "statusCode: 200}",
        "[200]",
        '"statusCode"',
        "{",
        "{}",
        "{statusCode}",
        "{statusCode:}",
        "{: 200}",
        "{,}",
        "{statusCode: 200",
        '{"statusCode": "200"}',
        "{'statusCode': '200'}",
        "{'statusCode\": 200}",
        "{\"statusCode': 200}",
        '{statusCode": 200}',
        '{"statusCode: 200}',
        "{statusCode: 200, a: {}",
        "{statusCode: 200, a: {b: 1}",
        "{statusCode: 200, a: [}",
        "{statusCode: 200, a: [1}",
        "{statusCode: 200, a: {]}}",
        "{statusCode: 200 a: 1}",
        "{statusCode: 200,, a: 1}",
        "{statusCode 200}",
        "{statusCode:: 200}",
        "{statusCode: 200.0}",
        "{statusCode: 2e2}",
        "{statusCode: 0200}",
        "{statusCode: 200x}",
        "{statusCode: true}",
        "{statusCode: null}",
        "{statusCode: [200]}",
        "{statusCode: {statusCode: 200}}",
        "{statuscode: 200}",
        '{"a": {"statusCode": 200}}',
        '{"statusCode": 200, "statusCode": "x"}',
        '{"statusCode": ' + "9" * (STATUS_DIGITS + 1) + "}",
        '{"a": ' + "[" * NESTING + "]" * NESTING + ', "statusCode": 200}',
        "{" * 100_000,
        '{"a": ' + "[" * 100_000,
        '{"' + "\\" * 99_999,
        '{"\\x": 200}',
        "\ufeff{statusCode: 200}",
    ],
)
def test_what_aws_does_not_take_selects_nothing(text: str) -> None:
    assert status_code(text) is None
