from __future__ import annotations

from typing import Final

import pytest

from gateway.server import refusal
from gateway.server.head_reader import HeadReader
from gateway.server.parser import NO_BODY
from gateway.server.refusal import RefusedError
from gateway.server.target import Hosts
from gateway.settings import Limits
from tests.clients import GET, HOST, bytewise


def reader() -> HeadReader:
    return HeadReader(Limits(), Hosts())


def test_a_head_is_read_and_what_follows_is_returned() -> None:
    heads = reader()

    assert heads.read(GET + b"rest") == b"rest"
    assert heads.is_complete
    assert (heads.line[1], heads.derived.host) == ("/prod/pets", "api.execute-api.localhost")
    assert not heads.is_begun


@pytest.mark.parametrize("data", [GET, b"\r\n" + GET])
def test_a_head_may_come_byte_by_byte(data: bytes) -> None:
    heads = reader()
    held = b""
    for byte in bytewise(data):
        assert not heads.is_complete
        held = heads.read(held + byte)

    assert heads.is_complete
    assert held == b""


def test_an_unfinished_head_is_held() -> None:
    heads = reader()

    assert heads.read(GET[:20]) == GET[:20]
    assert heads.is_begun
    assert not heads.is_complete


def test_the_empty_line_before_a_head_is_not_held() -> None:
    heads = reader()

    assert heads.read(b"\r\nGE") == b"GE"


@pytest.mark.parametrize("segments", [[b"\r\n"], [b"\r", b"\r\n"]])
def test_an_empty_line_alone_begins_no_head(segments: list[bytes]) -> None:
    heads = reader()
    held = b""
    for data in segments:
        held = heads.read(data)
        assert heads.is_begun is bool(held)

    assert held == b""


def test_one_header_may_fill_the_block_though_no_request_line_may() -> None:
    heads = reader()

    assert heads.read(GET[:-2] + b"Cookie: " + b"x" * 10_240 + b"\r\n\r\n") == b""
    assert heads.is_complete
    with pytest.raises(RefusedError) as caught:
        heads.read(b"GET /" + b"x" * 10_240 + GET[14:])
    assert caught.value.refusal is refusal.TARGET_TOO_LONG


def test_empty_lines_are_counted_per_request() -> None:
    heads = reader()
    rest = heads.read(b"\r\n" + GET + b"\r\n" + GET + b"\r\n\r\n" + GET)
    rest = heads.read(rest)
    with pytest.raises(RefusedError) as caught:
        heads.read(rest)

    assert caught.value.refusal is refusal.REQUEST_LINE


def test_an_absolute_target_is_reduced_to_its_path() -> None:
    heads = reader()
    heads.read(b"GET http://x/a?b HTTP/1.1\r\nHost: X\r\n\r\n")

    assert (heads.line[1], heads.derived.host) == ("/a?b", "x")


def test_http_1_0_may_name_the_host_in_its_target() -> None:
    heads = reader()
    heads.read(b"GET http://X:80/a HTTP/1.0\r\n\r\n")

    assert (heads.line[1], heads.derived.host) == ("/a", "x")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (GET[:-2] + b"Authorization: a\r\nAuthorization: b\r\n\r\n", refusal.HEADER),
        (GET[:-2] + b"X-Api-Key: a\r\nX-Api-Key: b\r\n\r\n", refusal.HEADER),
        (GET[:-2] + b"A: " + b"x" * 20_480 + b"\r\n\r\n", refusal.HEADERS_TOO_LARGE),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", refusal.SERVER_OPTIONS),
        (b"GET http://other/ HTTP/1.1\r\n" + HOST + b"\r\n", refusal.HOST),
    ],
)
def test_a_bad_head_has_its_answer(data: bytes, answer: refusal.Refusal) -> None:
    with pytest.raises(RefusedError) as caught:
        reader().read(data)

    assert caught.value.refusal is answer


def test_cookies_may_repeat() -> None:
    """A front end that speaks HTTP/2 splits them."""
    heads = reader()
    heads.read(GET[:-2] + b"Cookie: a=b\r\nCookie: c=d\r\n\r\n")

    assert heads.is_complete


REPEATED: Final = b" HTTP/1.1\r\nHost: api.test\r\nAccept: */*\r\n\r\n"


def told(heads: HeadReader, data: bytes) -> tuple[object, ...]:
    """Return all that a reader says of what it is given, or the refusal."""
    try:
        rest = heads.read(data)
    except RefusedError as refused:
        return (refused.refusal,)
    if not heads.is_complete:
        return rest, heads.is_begun
    return (
        rest, *heads.line, heads.derived.host, heads.head is None,
        heads.payload is NO_BODY, tuple(heads.fields.items()),
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a/b?c=d&e" + REPEATED,
        b"DELETE /" + REPEATED,
        b"POST //a//?" + REPEATED,
        b"GET /%41" + REPEATED,
        b"GET /a?b?%41" + REPEATED,
        b"GET /a?%4" + REPEATED,
        b"GET /a/../b" + REPEATED,
        b"GET /.a" + REPEATED,
        b"GET /a#b" + REPEATED,
        b"GET /\xe4" + REPEATED,
        b"GET  /a" + REPEATED,
        b"get /a" + REPEATED,
        b"TRACE /a" + REPEATED,
        b"GET http://api.test/a" + REPEATED,
        b"GET http://other.test/a" + REPEATED,
        b"OPTIONS *" + REPEATED,
        b"GET a" + REPEATED,
        b"GET /" + b"a" * 11_000 + REPEATED,
        b"GET /" + b"a" * 30_000 + REPEATED,
        b"GET /a HTTP/1.1\r\nHost: b\r\n\r\nGET /c" + REPEATED,
        b"GET /a" + REPEATED + b"GET /c" + REPEATED,
        b"GET /a" + REPEATED + b"GET",
        b"GET /a HTTP/1.1\r\nX: GET /c" + REPEATED,
        b"GET /a HTTP/1.1\r\nContent-Length: 99\r\nHost: api.test\r\n\r\nGET /c" + REPEATED,
        b"\r\nGET /a" + REPEATED,
        b"\r\n" + REPEATED,
        REPEATED,
    ],
)
def test_headers_that_repeat_change_nothing_of_what_is_read(data: bytes) -> None:
    heads = reader()
    heads.read(b"GET /first" + REPEATED)

    assert told(heads, data) == told(reader(), data)


@pytest.mark.parametrize("rest", [b"GET /b HTTP/1.1\r\nHost: b\r\n\r\n", b"GET /b", b"\r\n" + GET])
def test_what_follows_a_repeated_head_is_searched_from_its_begin(rest: bytes) -> None:
    heads, fresh = reader(), reader()
    heads.read(GET)

    assert heads.read(GET + rest) == rest
    assert told(heads, rest) == told(fresh, rest)


def test_what_is_derived_of_headers_lasts_as_long_as_they_repeat() -> None:
    heads = reader()
    heads.read(b"GET /first" + REPEATED)
    derived = heads.derived
    heads.read(b"POST /second?x" + REPEATED)
    again = heads.derived
    heads.read(b"GET /second HTTP/1.1\r\nHost: other.test\r\n\r\n")

    assert again is derived
    assert heads.derived is not derived


@pytest.mark.parametrize("is_repeated", [True, False])
def test_a_head_after_one_that_repeats_the_last_is_found(*, is_repeated: bool) -> None:
    """Shorter than that one: where its end was found says nothing of the next."""
    heads = reader()
    long = b"GET /a/rather/long/path HTTP/1.1\r\nHost: api.test\r\nAccept: */*, text/html\r\n\r\n"
    short = b"GET /b HTTP/1.1\r\nHost: b\r\n\r\n"
    if is_repeated:
        heads.read(long)
    rest = heads.read(long + short + short)
    rest = heads.read(rest)

    assert heads.is_complete
    assert (heads.line[1], heads.derived.host, rest) == ("/b", "b", short)
