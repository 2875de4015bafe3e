"""The paths that AWS keeps for health checks: `/ping` and `/sping` of API hosts and domains.

They answer for the gateway and not for an API, whatever resource or mapping has their name, and
leave no line in any stage's log. Who may not reach a host at all does not reach them either: a
domain's rules for connections come first, and so does `disableExecuteApiEndpoint`.
"""

from __future__ import annotations

from typing import Final

from gateway.messages import InvocationResponse

HEALTH_BODY: Final = b"Healthy Connection"
"""AWS's words, as seen at `https://{api}.execute-api.{region}.amazonaws.com/ping`
(github.com/serverless/examples/issues/667)."""


class HealthCheck(Exception):  # noqa: N818 (no error: the gateway itself answers)
    """`locate` raises it for a request that no stage is asked for."""


def healthy() -> InvocationResponse:
    """Return the answer to a health check."""
    return InvocationResponse(200, b"Content-Type: text/plain\r\n", HEALTH_BODY)
