import pytest

from gateway.errors import Fault, GatewayResponseType
from gateway.telemetry.execution_story import body_text, failure, header_lines

FORM = ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),)


@pytest.mark.parametrize(
    ("kept", "length", "shown"),
    [
        (b"", 0, ""),
        (b'{"a": 1}', 8, '{"a": 1}'),
        ("zwölf".encode(), 6, "zwölf"),
        ("zwö".encode()[:-1], 9, "zw"),
        (b"\xff\xfe", 9, "[Binary Data: 9 bytes]"),
        (b"\xff\xfe", 2, "[Binary Data: 2 bytes]"),
        (b"\x00\x01\x02", 3_000_000, "[Binary Data: 3000000 bytes]"),
    ],
)
def test_text_is_shown_and_everything_else_counted(kept: bytes, length: int, shown: str) -> None:
    assert body_text(kept, length) == shown


def test_a_form_s_secrets_are_masked() -> None:
    body = b"grant_type=password&username=me&password=hunter2&client_secret=x"

    assert body_text(body, len(body), FORM) == (
        "grant_type=password&username=me&password=******&client_secret=******"
    )
    assert "hunter2" in body_text(body, len(body))


def test_a_head_s_lines_are_pairs() -> None:
    assert header_lines(b"A: b\r\nC:d:e\r\n") == ((b"A", b"b"), (b"C", b"d:e"))


def test_a_sentence_that_says_it_all_is_not_prefixed() -> None:
    fault = Fault(GatewayResponseType.API_CONFIGURATION_ERROR, detail="Execution failed due to x")

    assert failure(fault) == "Execution failed due to x"
