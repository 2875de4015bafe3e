"""The compiled build's access log lines: those of the pure build, byte for byte."""

from dataclasses import replace

import pytest

from gateway.definitions.stage import AccessLogSettings
from gateway.messages import Exchange
from gateway.telemetry import access_log
from gateway.telemetry.access_line import READ
from gateway.telemetry.access_log import PRESETS, compile_access_log
from tests.exchanges import exchange, request

EVERY = " ".join(f"$context.{name}" for name in READ)
OTHERS = (
    '{"id":"$context.requestId","agent":"$context.identity.userAgent","bare":$context.status,'
    '"error":$context.error.messageString,"latency":"$context.integrationLatency"}'
)
EVIL = 'x","status":"200"}\r\n{"forged":"\u2028\udc80\\<&>'


def lines(format_: str, exchanges: list[Exchange]) -> list[bytes]:
    settings = AccessLogSettings(destination="stdout", format=format_)
    log = compile_access_log(settings, "accessLogSettings", [])
    assert log is not None
    return [log.line(each) for each in exchanges]


def exchanges() -> list[Exchange]:
    """Return a usual one, one of HTTP/1.0 that was not answered, a hostile one, a later one."""
    unanswered = exchange(request(is_http_1_0=True))
    unanswered.status = unanswered.response_length = 0
    hostile = exchange(request(method=EVIL, source_ip=EVIL))
    assert hostile.identity is not None
    hostile.identity = replace(hostile.identity, resource_path=EVIL)
    later = exchange()
    later.epoch += 1.0
    return [exchange(), unanswered, hostile, later, exchange()]


@pytest.mark.parametrize("format_", [*PRESETS, EVERY, OTHERS])
def test_both_builds_write_the_same(format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = lines(format_, exchanges())
    monkeypatch.setattr(access_log, "BUILD", "compiled")

    assert lines(format_, exchanges()) == generated
    assert len(set(generated)) > 1
