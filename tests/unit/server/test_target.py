from __future__ import annotations

import pytest

from gateway.server import refusal
from gateway.server.refusal import Refusal, RefusedError
from gateway.server.target import (
    Hosts,
    RequestLine,
    canonical_host,
    check_authority,
    check_origin_form,
    examine_request_line,
    examine_unfinished_head,
    match_clean_request_line,
)


def is_accepted(target: str) -> bool:
    try:
        check_origin_form(target)
    except RefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"POST //a//b/ HTTP/1.0\r\n",
        b"DELETE /a.b/c-d_e~f!$&'()*+,;=:@ HTTP/1.1\r\n",
        b"GET /?a=%20%0a&b[]=c/../?d HTTP/1.1\r\n",
    ],
)
def test_a_clean_line_needs_no_closer_look_and_would_pass_it(line: bytes) -> None:
    match = match_clean_request_line(line + b"Host: x\r\n\r\n")

    assert match is not None
    assert match.end() == len(line)
    assert examine_request_line(line[:-2], 8192).target == line.split(b" ")[1].decode()


@pytest.mark.parametrize(
    "line",
    [
        b"GET /a%20b HTTP/1.1\r\n",
        b"GET /.a HTTP/1.1\r\n",
        b"GET /a/.. HTTP/1.1\r\n",
        b"GET /?%zz HTTP/1.1\r\n",
        b"GET /a HTTP/1.1\n",
        b"GET  /a HTTP/1.1\r\n",
        b"BREW /a HTTP/1.1\r\n",
        b"GET /\xff HTTP/1.1\r\n",
        b"GET /a HTTP/1.2\r\n",
    ],
)
def test_everything_else_is_looked_at_closely(line: bytes) -> None:
    assert match_clean_request_line(line) is None


def test_each_byte_is_judged_alike_by_both_looks() -> None:
    """The clean look may pass less, never more."""
    for byte in range(256):
        for template in (b"/a%b", b"/a%bb", b"/%b", b"/?%b", b"/a?b%bc"):
            target = template % bytes([byte])
            if match_clean_request_line(b"GET " + target + b" HTTP/1.1\r\n") is not None:
                assert is_accepted(target.decode("latin-1")), target


def test_a_clean_look_takes_linear_time() -> None:
    assert match_clean_request_line(b"GET " + b"/a" * 50_000 + b"% HTTP/1.1\r\n") is None


@pytest.mark.parametrize("separator", ["/", "%2f", "%2F", "%5c", "%5C"])
@pytest.mark.parametrize("dots", [".", "..", "%2e", "%2E.", ".%2e", "%2e%2E"])
@pytest.mark.parametrize("after", ["", "/", "/x", ";x", "%2fx", "%5Cx", "%3bx"])
def test_dot_segments_are_refused_in_every_spelling(separator: str, dots: str, after: str) -> None:
    assert not is_accepted(f"/a{separator}{dots}{after}")


@pytest.mark.parametrize("path", ["/...", "/.a", "/a.", "/a..b", "/a.;b", "/%2ea", "/%252e%252e/"])
def test_dots_that_are_no_dot_segment_are_accepted(path: str) -> None:
    assert is_accepted(path)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"GET /" + b"a" * 100 + b" HTTP/1.1", refusal.TARGET_TOO_LONG),
        (b"GET / HTTP/3.0", refusal.VERSION),
        (b"GET / HTTP/1.1\n", refusal.REQUEST_LINE),
        (b"CONNECT a:1 HTTP/1.1", refusal.METHOD),
        (b"TRACE / HTTP/1.1", refusal.METHOD),
        (b"BREW / HTTP/1.1", refusal.UNKNOWN_METHOD),
        (b"M-SEARCH / HTTP/1.1", refusal.UNKNOWN_METHOD),
        (b"Get / HTTP/1.1", refusal.REQUEST_LINE),
        (b"GET * HTTP/1.1", refusal.TARGET),
        (b"GET /%00 HTTP/1.1", refusal.TARGET),
        (b"GET file:///etc HTTP/1.1", refusal.TARGET),
    ],
)
def test_a_bad_line_has_its_answer(line: bytes, answer: Refusal) -> None:
    with pytest.raises(RefusedError) as caught:
        examine_request_line(line, 64)

    assert caught.value.refusal is answer


def test_an_absolute_target_is_taken_apart() -> None:
    line = examine_request_line(b"GET HTTP://A.b:80?c/d HTTP/1.1", 8192)

    assert line == RequestLine("GET", "/?c/d", "A.b:80", "http")


@pytest.mark.parametrize(
    ("scheme", "authority", "host", "is_same"),
    [
        ("http", "a", "A.", True),
        ("http", "a:80", "a", True),
        ("https", "a", "a:443", True),
        ("http", "a", "a:443", False),
        ("http", "a", "b", False),
        ("http", "a:1", "a:2", False),
        ("http", "u@a", "a", False),
        ("http", "", "a", False),
    ],
)
def test_an_absolute_target_names_the_host(
    scheme: str, authority: str, host: str, is_same: bool
) -> None:
    line = RequestLine("GET", "/", authority, scheme)
    if is_same:
        check_authority(line, host)
    else:
        with pytest.raises(RefusedError):
            check_authority(line, host)


@pytest.mark.parametrize(
    ("authority", "canonical"),
    [
        ("A.B", ("a.b", None)),
        ("a.:1", ("a", 1)),
        ("[0:0::1]", ("[::1]", None)),
        ("[::1]:65535", ("[::1]", 65535)),
    ],
)
def test_an_authority_has_one_spelling(authority: str, canonical: tuple[str, int | None]) -> None:
    assert canonical_host(authority) == canonical


@pytest.mark.parametrize(
    "authority",
    ["", ".", "a b", "a,b", "u@a", "a/", "a?", "a#", "a\\b", "a:", "a:b", "a:99999", "a..", "-a",
     "é", "[a]", "[::1", "[1.2.3.4]", "[fe80::1%eth0]", "a\x00", "a" * 263],
)  # fmt: skip
def test_anything_else_is_no_authority(authority: str) -> None:
    with pytest.raises(RefusedError) as caught:
        canonical_host(authority)

    assert caught.value.refusal is refusal.HOST


def test_hosts_are_checked_once_and_kept_within_bounds() -> None:
    hosts = Hosts()
    for number in range(5000):
        assert hosts[f"H{number}:80"] == f"h{number}"

    assert len(hosts) <= 1024
    with pytest.raises(RefusedError):
        hosts["a/b"]
    assert "a/b" not in hosts


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\nHost: a\r", b"GET / HTTP/1.1\r\n"])
def test_a_head_that_may_become_one_is_waited_for(data: bytes) -> None:
    examine_unfinished_head(data, 0, 64, 128)


@pytest.mark.parametrize(
    ("data", "start", "answer"),
    [
        (b"\x16\x03", 0, refusal.NOT_HTTP),
        (b"get", 0, refusal.NOT_HTTP),
        (b"GET / HTTP/1.1\n", 0, refusal.HEADER),
        (b"GET / HTTP/1.1\n", 14, refusal.HEADER),
        (b"GET / HTTP/1.1\rX", 15, refusal.HEADER),
        (b"GET /" + b"a" * 60, 0, refusal.TARGET_TOO_LONG),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 110, 0, refusal.HEADERS_TOO_LARGE),
    ],
)
def test_a_head_that_cannot_become_one_is_refused_at_once(
    data: bytes, start: int, answer: Refusal
) -> None:
    with pytest.raises(RefusedError) as caught:
        examine_unfinished_head(data, start, 64, 128)

    assert caught.value.refusal is answer
