"""Facts about X-Amzn-Trace-Id (semantics sheet 10.4)."""

import re

import pytest
from multidict import CIMultiDict

from gateway.clock import IdMinter
from gateway.integrations.trace import trace_id
from gateway.messages import Derived, Exchange, InvocationRequest

ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def traced(value: str | None) -> str:
    fields = CIMultiDict({} if value is None else {"X-Amzn-Trace-Id": value})
    request = InvocationRequest(("GET", "/", "/", ""), Derived("h", (), fields, "127.0.0.1"))
    return trace_id(Exchange(request, "r", "e", 0.0, 1_700_000_000.0), IdMinter())


def test_a_full_trace_id_is_kept() -> None:
    sent = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"

    assert traced(sent) == sent


def test_a_lone_root_gets_a_parent_and_is_not_sampled() -> None:
    assert re.fullmatch(f"Root={ROOT};Parent=[0-9a-f]{{16}};Sampled=0", traced(f"Root={ROOT}"))


@pytest.mark.parametrize("sent", [None, "", "Root=1-x", "Self=1", "\r\nX: y"])
def test_a_missing_or_broken_one_is_made_anew(sent: str | None) -> None:
    expected = r"Root=1-6553f100-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"

    assert re.fullmatch(expected, traced(sent))
