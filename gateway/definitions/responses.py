"""GatewayResponse: a customised answer of the gateway itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """What the gateway answers instead of its default for one type."""

    status_code: str | None = None
    """Status to answer with; absent: the type's own."""
    response_parameters: Mapping[str, str] = field(default_factory=dict)
    """`gatewayresponse.header.NAME` to its source: `'text'`, `method.request.header.X`, …"""
    response_templates: Mapping[str, str] = field(default_factory=dict)
    """Media type to body; `$context.*`, `$stageVariables.*` and `method.request.*` are replaced."""
