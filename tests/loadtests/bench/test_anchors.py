from __future__ import annotations

from pathlib import Path

from loadtests.bench.anchors import (
    ANSWER,
    Anchor,
    caddy_text,
    haproxy_text,
    naive,
    nginx_proxy_text,
    nginx_text,
)


def test_the_origin_answers_192_bytes() -> None:
    assert len(ANSWER) == 192


def test_braces_of_configurations_are_balanced() -> None:
    texts = [
        nginx_text(Path("/tmp"), nginx_proxy_text(1, 2)),
        nginx_text(Path("/tmp"), nginx_proxy_text(1, 2, is_logging=True)),
        caddy_text(1, 2),
    ]

    assert [text.count("{") - text.count("}") for text in texts] == [0, 0, 0]


def test_only_the_logging_nginx_writes_a_log() -> None:
    assert "access_log" not in nginx_proxy_text(1, 2)
    assert "access_log access.log" in nginx_proxy_text(1, 2, is_logging=True)
    assert "log" not in haproxy_text(1, 2)


def test_a_missing_program_says_how_to_get_it() -> None:
    anchor = Anchor(name="Other", requires="no-such-proxy", start=naive)

    assert "apt-get install no-such-proxy" in anchor.absence
