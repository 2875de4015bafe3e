"""What HTTP and HTTP_PROXY share: a uri, requestParameters, a time limit; and calling a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.definitions.integration import ConnectionType, Integration, ResponseTransferMode
from gateway.definitions.rest_api import Method, Resource
from gateway.errors import Fault, GatewayResponseType, Problem
from gateway.integrations.base import IntegrationContext, MisconfiguredError
from gateway.integrations.connections import connected
from gateway.integrations.uri import (
    BoundUri,
    PathParameter,
    PathValue,
    UriPlan,
    compile_uri,
    variables_of,
)
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.parameters import RequestMapping, compile_request_parameters, path_value
from gateway.mapping.sources import Source
from gateway.messages import Exchange, InvocationRequest, MethodIdentity
from gateway.routing.paths import path_variables
from gateway.streams import BodyError, BodyStream, BodyTooLargeError

CLIENTS_OWN: Final = "ANY"
"""The integration HTTP method that stands for the client's own."""


@dataclass(frozen=True, slots=True, eq=False)
class BackendPlan:
    """An HTTP backend as a deployment freezes it."""

    uri: UriPlan
    mapping: RequestMapping
    http_method: str | None
    """Towards the backend; None: the client's own."""
    timeout_seconds: float
    is_streamed: bool
    link: str | None = None
    """The VPC link that leads there: its id, or a text with stage variables; None: no link."""

    target: str | None = None
    """ARN of what is behind the link, which may have addresses of its own."""

    def bind(self, identity: MethodIdentity, context: IntegrationContext) -> BoundUri:
        """Return where a stage's requests go.

        Raises:
            MisconfiguredError: no request can go there.
        """
        bound = self.uri.bind(identity.stage_variables)
        return connected(bound, self.link, self.target, identity.stage_variables, context)

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables that decide where requests go."""
        return (*self.uri.variables, *variables_of(self.link or ""))

    def refuse_illegal_headers(self) -> None:
        """Raise when a mapped header may not be mapped: AWS accepts it and fails each request."""
        if self.mapping.illegal_header is not None:
            raise MisconfiguredError(f"{self.mapping.illegal_header} header already present")

    def describe(self, kind: str, uri: BoundUri) -> dict[str, str]:
        """Return what `explain` prints."""
        buffered = "request body, for a body mapping" if self.mapping.needs_body else "nothing"
        return {
            "type": kind,
            "backend": uri.describe(),
            **uri.describe_way(),
            "method": self.http_method or "the client's own",
            "timeout": f"{self.timeout_seconds:g} s",
            "buffers": buffered,
        }


def compile_backend(
    integration: Integration,
    resource: Resource,
    method: Method,
    path: str,
    problems: list[Problem],
) -> BackendPlan:
    """Return the part of a plan that HTTP and HTTP_PROXY share; add what is wrong to `problems`."""
    names = path_variables(resource.path)
    mapping = compile_request_parameters(
        integration.request_parameters,
        # In files the resource's path declares its parameters.
        declared={
            **method.request_parameters,
            **{f"method.request.path.{one}": True for one in names},
        },
        path=f"{path}.requestParameters",
        problems=problems,
    )
    values = _own_parameters(names)
    if mapping.path:
        values = {**values, **{name: _mapped(source) for name, source in mapping.path}}
    http_method = integration.integration_http_method
    return BackendPlan(
        uri=compile_uri(
            integration.uri,
            is_verified=not integration.tls_config.insecure_skip_verification,
            values=values,
            path=path,
            problems=problems,
        ),
        mapping=mapping,
        http_method=None if http_method in {None, "", CLIENTS_OWN} else http_method,
        timeout_seconds=integration.timeout_in_millis / 1000,
        is_streamed=integration.response_transfer_mode is ResponseTransferMode.STREAM,
        link=(integration.connection_id or "")
        if integration.connection_type is ConnectionType.VPC_LINK
        else None,
        target=integration.integration_target,
    )


@lru_cache(maxsize=4096)
def _own_parameters(names: tuple[str, ...]) -> Mapping[str, PathValue]:
    """A placeholder that bears a path parameter's name needs no mapping in files.

    Remembered: most methods have one of few sets of path parameters, and share it.
    """
    return {name: PathParameter(name) for name in names}


def _mapped(source: Source) -> PathValue:
    return lambda exchange, body: path_value(source, exchange, body)


async def mapped_body(
    request: InvocationRequest, limit: int
) -> tuple[bytes | None, MappedBody | None]:
    """Wait for the whole body: return it to be sent on, and the same as mappings see it."""
    stream = request.body
    body = None if stream is None else await whole_body(stream, limit)
    return body, MappedBody(body, "request")


def passing_body(request: InvocationRequest) -> bytes | BodyStream | None:
    """Return a body that no mapping needs: what is complete as bytes, else the stream."""
    stream = request.body
    if stream is None or not stream.is_complete:
        return stream
    return stream.take()


async def whole_body(stream: BodyStream, limit: int) -> bytes:
    """Return a client's whole body.

    Raises:
        Fault: 413 when it exceeds `limit` bytes, 400 when it breaks off.
    """
    try:
        return await stream.collect(limit)
    except BodyTooLargeError as error:
        raise Fault(
            GatewayResponseType.REQUEST_TOO_LARGE,
            source="client",
            message=f"HTTP content length exceeded {limit} bytes.",
        ) from error
    except BodyError as error:
        raise Fault(
            GatewayResponseType.DEFAULT_4XX, source="client", detail=f"request body: {error}"
        ) from error


async def whole_answer(body: bytes | BodyStream, limit: int) -> bytes:
    """Return a backend's whole body.

    Raises:
        Fault: 502 when it breaks off or exceeds `limit` bytes.
    """
    if isinstance(body, bytes):
        return body
    try:
        return await body.collect(limit)
    except BodyError as error:
        raise Fault(
            GatewayResponseType.DEFAULT_5XX,
            source="integration",
            status=502,
            detail=f"response body: {error}",
        ) from error


def note_call(exchange: Exchange, sent: float, ended: float) -> None:
    """Note how long a backend took; times are seconds of CLOCK_MONOTONIC."""
    exchange.integration_latency = ended - sent
    if exchange.phases is not None:
        exchange.phases += (("gateway", sent), ("integration", ended))
