"""What tells cached answers apart: cacheNamespace and cacheKeyParameters (semantics sheet 6.3).

Whatever a backend could tell apart in a parameter must be told apart here, or one client's answer
goes to others. A key therefore holds every value of a header or of a query parameter, where a
mapping takes the last, and finds a header however it is spelled, where a mapping is exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.definitions.integration import Integration
from gateway.errors import Problem
from gateway.mapping.lookups import header_values_of_any_case, query_values
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.sources import PARAMETER_NAME, EndpointHeaders, Source, compile_source
from gateway.messages import Exchange

Read = Callable[[Exchange, MappedBody | None, EndpointHeaders], tuple[object, ...]]
"""Reads what tells a request apart from others."""

_PATH: Final = "method.request.path."
_HEADER: Final = re.compile(rf"method\.request\.(?:multivalue)?header\.({PARAMETER_NAME})")
_QUERY: Final = re.compile(rf"method\.request\.(?:multivalue)?querystring\.({PARAMETER_NAME})")
_MAPPED: Final = re.compile(rf"integration\.request\.(path|querystring|header)\.{PARAMETER_NAME}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CacheKey:
    """How a method's answers are keyed."""

    namespace: str
    """Methods of one namespace share answers where the rest of their keys is equal."""
    parameters: tuple[str, ...] = ()
    """The expressions, as written. They are part of the key: a deployment that has others does not
    share answers."""
    sources: tuple[Source, ...] = ()

    @property
    def has_authorization(self) -> bool:
        """Whether the Authorization header tells answers apart."""
        headers = (_HEADER.fullmatch(source.expression) for source in self.sources)
        return any(found is not None and found[1].lower() == "authorization" for found in headers)

    @property
    def is_of_headers(self) -> bool:
        """Whether a header block alone says how an answer is keyed; also where nothing does."""
        return all(
            source.constant is not None or _HEADER.fullmatch(source.expression) is not None
            for source in self.sources
        )

    @property
    def path_parameter(self) -> str:
        """The path parameter whose value alone tells answers apart; empty: that is not all."""
        if len(self.sources) != 1 or not self.sources[0].is_path_text:
            return ""
        return self.sources[0].expression.removeprefix(_PATH)

    def reader(self) -> Read:
        """Return what reads a request's values; a parameter that is absent has none, which counts.

        Called as mappings' sources are: the values of a lone parameter are read without a call in
        between. What readers of different keys return may look alike; `parameters` tell them apart.
        """
        reads = [source.read for source in self.sources]
        if len(reads) == 1:
            return reads[0]
        if len(reads) == 2:
            one, other = reads
            return lambda exchange, body, headers: (
                one(exchange, body, headers),
                other(exchange, body, headers),
            )
        return lambda exchange, body, headers: tuple(
            [read(exchange, body, headers) for read in reads]
        )


def compile_key(
    integration: Integration, resource_id: str, path: str, problems: list[Problem]
) -> CacheKey:
    """Return how the answers of an integration are keyed; add what is wrong to `problems`."""
    sources: list[Source] = []
    for index, parameter in enumerate(integration.cache_key_parameters):
        here = f"{path}.cacheKeyParameters[{index}]"
        source = compile_source(_origin(parameter, integration), "request", here, problems)
        if source is None:
            continue
        if source.needs_body:
            problems.append(Problem(here, f"{parameter} is of the body: it cannot be in a key"))
        sources.append(_telling_all(source))
    return CacheKey(
        namespace=integration.cache_namespace or resource_id,
        parameters=integration.cache_key_parameters,
        sources=tuple(sources),
    )


def _telling_all(source: Source) -> Source:
    """Return what reads all that a request says of a header or of a query parameter."""
    if source.constant is not None:
        return source
    header = _HEADER.fullmatch(source.expression)
    if header is not None:
        name = header[1].encode("ascii").lower()
        return replace(
            source,
            read=lambda exchange, _1, _2: header_values_of_any_case(exchange.request.headers, name),
        )
    query = _QUERY.fullmatch(source.expression)
    if query is not None:
        wanted = query[1]
        return replace(
            source, read=lambda exchange, _1, _2: query_values(exchange.request.query, wanted)
        )
    return source


def _origin(parameter: str, integration: Integration) -> str:
    """Return what an integration's parameter is mapped from; other expressions as they are."""
    found = _MAPPED.fullmatch(parameter)
    if found is None:
        return parameter
    mapped = integration.request_parameters.get(parameter)
    if mapped is None and found[1] == "path":
        # A placeholder that bears a path parameter's name needs no mapping.
        return "method.request" + parameter.removeprefix("integration.request")
    return mapped or parameter
