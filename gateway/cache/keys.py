"""What tells cached answers apart: cacheNamespace and cacheKeyParameters (semantics sheet 6.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import Integration
from gateway.errors import Problem
from gateway.mapping.sources import PARAMETER_NAME, Source, compile_source
from gateway.messages import Exchange

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
        return any(one.lower().endswith("header.authorization") for one in self.parameters)

    def values(self, exchange: Exchange) -> tuple[tuple[str, ...], ...]:
        """Return the values of a request; a parameter that is absent has none, which counts."""
        return tuple([source.values(exchange) for source in self.sources])


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
        sources.append(source)
    return CacheKey(
        namespace=integration.cache_namespace or resource_id,
        parameters=integration.cache_key_parameters,
        sources=tuple(sources),
    )


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
