"""Request templates, and what becomes of a body that none matches (semantics sheet 10.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import Integration, PassthroughBehavior
from gateway.errors import Fault, GatewayResponseType, Problem
from gateway.mapping.media_types import choose_request_template, may_pass_through, normalised
from gateway.mapping.template import Template, compile_template


@dataclass(frozen=True, slots=True, eq=False)
class RequestTemplates:
    """Compiled request templates with their passthrough behavior."""

    by_media_type: Mapping[str, Template]
    may_pass: bool

    def choose(self, content_type: str | None) -> Template | None:
        """Return the template for a request; None: its body passes as it is.

        Raises:
            Fault: UNSUPPORTED_MEDIA_TYPE (415) when no template matches and nothing may pass.
        """
        template = choose_request_template(self.by_media_type, content_type)
        if template is None and not self.may_pass:
            raise Fault(
                GatewayResponseType.UNSUPPORTED_MEDIA_TYPE,
                source="client",
                detail=f"no request template for {content_type or 'a missing Content-Type'}",
            )
        return template


_MOST_KNOWN: Final = 1024
# Process. Written by `compile_request_templates` only: methods mostly have one of few sets of
# templates, such as `{"statusCode": 200}`, and share what it compiles to.
_known: dict[tuple[object, ...], RequestTemplates] = {}


def compile_request_templates(
    integration: Integration, path: str, problems: list[Problem]
) -> RequestTemplates:
    """Return an integration's request templates; add what is wrong to `problems`."""
    behavior: PassthroughBehavior = integration.passthrough_behavior
    key = (behavior, *integration.request_templates.items())
    known = _known.get(key)
    if known is not None:
        return known
    before = len(problems)
    templates = {
        media_type: compile_template(text, f"{path}.requestTemplates.{media_type}", problems)
        for media_type, text in integration.request_templates.items()
    }
    compiled = RequestTemplates(
        normalised({name: one for name, one in templates.items() if one is not None}),
        may_pass_through(behavior, has_templates=bool(templates)),
    )
    if len(problems) == before and len(_known) < _MOST_KNOWN:
        _known[key] = compiled
    return compiled
