"""MOCK: no backend; the request template says which integration response answers (sheet 10.6)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from gateway.definitions.integration import Integration
from gateway.definitions.rest_api import Method, Resource
from gateway.errors import Fault, GatewayResponseType, Problem
from gateway.integrations.backend import whole_body
from gateway.integrations.base import (
    Answer,
    CompiledIntegration,
    Endpoints,
    IntegrationContext,
)
from gateway.integrations.request_templates import RequestTemplates, compile_request_templates
from gateway.integrations.responses import (
    CompiledIntegrationResponse,
    IntegrationResponses,
    compile_responses,
)
from gateway.mapping.lenient_json import status_code
from gateway.mapping.template import Template
from gateway.mapping.wire_text import to_text
from gateway.messages import Exchange, InvocationResponse, MethodIdentity
from gateway.streams import BodyStream


@dataclass(frozen=True, slots=True, eq=False)
class MockPlan:
    """A MOCK integration. Nothing in it depends on a stage, so it is its own bound form's parts."""

    templates: RequestTemplates
    responses: IntegrationResponses
    decided: tuple[tuple[Template, CompiledIntegrationResponse], ...]
    """The response of each template that is constant."""

    @property
    def variables(self) -> tuple[str, ...]:
        """No stage variable changes where requests go."""
        return ()

    def bind(self, _identity: MethodIdentity, context: IntegrationContext) -> CompiledIntegration:
        """Return the integration for a stage."""
        return Mock(self, context.body_bytes)


def compile_mock(
    integration: Integration,
    _resource: Resource,
    method: Method,
    path: str,
    problems: list[Problem],
) -> MockPlan:
    """Return the plan of a MOCK integration; add what is wrong to `problems`."""
    templates = compile_request_templates(integration, path, problems)
    responses = compile_responses(integration, method, path, problems)
    decided: list[tuple[Template, CompiledIntegrationResponse]] = []
    for media_type, template in templates.by_media_type.items():
        if template.constant is None:
            continue
        status = status_code(template.constant)
        if status is None:
            problems.append(
                Problem(
                    f"{path}.requestTemplates.{media_type}",
                    'must render an integer statusCode, such as {"statusCode": 200}; without '
                    "one every request is answered 500",
                    severity="warning",
                )
            )
            continue
        # A template that selects nothing stays undecided: each request is AWS's 500.
        with contextlib.suppress(Fault):
            decided.append((template, responses.select(status)))
    return MockPlan(templates, responses, tuple(decided))


class Mock(CompiledIntegration):
    """A MOCK integration bound to a stage."""

    __slots__ = ("_body_bytes", "_decided", "_responses", "_templates")

    def __init__(self, plan: MockPlan, body_bytes: int) -> None:
        self._templates = plan.templates
        self._responses = plan.responses
        self._decided = plan.decided
        self._body_bytes = body_bytes

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        return {"type": "MOCK", "backend": "none", "buffers": "nothing"}

    def invoke(self, exchange: Exchange, _endpoints: Endpoints) -> Answer:
        """Return the answer that the template selects."""
        request = exchange.request
        template = self._templates.choose(request.fields.get("Content-Type"))
        if template is None:
            # What passes through must itself hold the statusCode.
            body = request.body
            return self._answer(exchange, "") if body is None else self._echo(exchange, body)
        for constant, decided in self._decided:
            if constant is template:
                return decided.constant or decided.render(exchange, b"")
        return self._answer(exchange, template.render(exchange))

    async def _echo(self, exchange: Exchange, body: BodyStream) -> InvocationResponse:
        return self._answer(exchange, to_text(await whole_body(body, self._body_bytes)))

    def _answer(self, exchange: Exchange, text: str) -> InvocationResponse:
        status = status_code(text)
        if status is None:
            raise Fault(
                GatewayResponseType.API_CONFIGURATION_ERROR,
                detail="Execution failed due to configuration error: Unable to parse statusCode. "
                "It should be an integer that is defined in the request template",
            )
        return self._responses.select(status).render(exchange, b"")
