"""An exchange as mappings meet it: located and routed, with nothing but what a test says."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import CIMultiDict

from gateway.errors import Problem
from gateway.messages import Derived, Exchange, InvocationRequest, MethodIdentity


def exchange(
    *,
    query: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    path_parameters: Mapping[str, str] | None = None,
    stage_variables: Mapping[str, str] | None = None,
) -> Exchange:
    fields = CIMultiDict(
        (name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in headers
    )
    target = "/dev/pets" + ("?" + query if query else "")
    derived = Derived("shop.execute-api.test", headers, fields, source_ip="192.0.2.7")
    request = InvocationRequest(("GET", target, "/dev/pets", query), derived)
    identity = MethodIdentity(
        account_id="123456789012",
        region="eu-test-1",
        api_id="shop",
        api_name="Shop",
        stage="dev",
        deployment_id="d1",
        resource_id="abc123",
        resource_path="/pets",
        http_method="GET",
        stage_variables=stage_variables or {},
    )
    exchange = Exchange(
        request=request,
        request_id="11111111-2222-4333-8444-555555555555",
        extended_request_id="AAAAAAAAAAAAAAA=",
        now=5.0,
        epoch=1_700_000_000.0,
    )
    exchange.identity = identity
    exchange.path_parameters = path_parameters or {}
    return exchange


def messages(problems: list[Problem], severity: str = "error") -> list[str]:
    return [problem.message for problem in problems if problem.severity == severity]
