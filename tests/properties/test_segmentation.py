"""However the network cuts a client's bytes, they mean the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.clients import CHUNKED, GET, HOST, Client, bytewise, post

FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            GET,
            # Repeated, then other headers in a shorter head: nothing of the first may be left.
            GET * 2 + b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
            post(b"abc"),
            CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
            CHUNKED + b"4;x=y\r\n\r\n\r\n\r\n0\r\nA: b\r\n\r\n",
            b"GET / HTTP/1.0\r\n",
            HOST,
            b"Content-Length: 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: close\r\n",
            b"0\r\n\r\n",
            b"\r\n",
        ]
    ),
    st.binary(max_size=3),
)
EDGE_ANSWER = re.compile(
    rb"HTTP/1.1 [45]\d\d [^\r]*\r\nContent-Type: application/json\r\n.*\Z", re.DOTALL
)


def outcome(segments: list[bytes]) -> tuple[bytes, list[bytes], bool]:
    """Return answers, complete bodies and whether the connection is open.

    Of a head with two faults the first that is seen is answered, and a body that comes with its
    head needs no 100: such answers may differ.
    """
    client = Client()
    client.send(*segments)
    client.loop.run_soon()
    written = bytes(client.transport.written).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    is_open = client.is_open
    client.lose()
    assert len(client.service.recorded) == len(client.service.requests)
    return EDGE_ANSWER.sub(b"refused", written), client.service.bodies, is_open


@given(st.lists(FRAGMENTS, max_size=8).map(b"".join), st.data())
def test_bytes_mean_the_same_however_they_are_cut(data: bytes, draw: st.DataObject) -> None:
    if not data:
        return
    whole = outcome([data])
    cut = draw.draw(st.integers(0, len(data)))

    assert outcome([part for part in (data[:cut], data[cut:]) if part]) == whole
    assert outcome(bytewise(data)) == whole
