"""Which stage of which API a request is for: by host, base path and stage name."""

from __future__ import annotations

from typing import Final

from gateway.errors import Fault, forbidden
from gateway.messages import Exchange
from gateway.pipeline.health import HealthCheck
from gateway.routing import RESERVED_CHARACTERS, RESERVED_PATHS, split_path_form, split_stage
from gateway.snapshot.compiled import CompiledStage, Snapshot

STAGELESS = "(none)"
"""The stage of a base path mapping that takes it from the path (AWS's spelling)."""
_NO_STAGES: Final[dict[str, CompiledStage]] = {}


def locate(snapshot: Snapshot, exchange: Exchange) -> tuple[CompiledStage, str]:
    """Return the stage and the path below it; note `$context.path` and the base path.

    Raises:
        Fault: 403 Forbidden for a host, base path, API or stage that is not there (AWS's answer
            for a custom domain without a mapping, and for an unknown stage), and for a connection
            that has not shown what the domain asks for.
        HealthCheck: the path is one of those that are no API's.
    """
    request = exchange.request
    place = snapshot.places[request.host]
    guard = place.guard
    if guard is not None:
        refusal = guard.refusal(request.host, request.tls)
        if refusal is not None:
            raise forbidden(refusal)
    domain = place.domain
    if domain is not None:
        path = request.path
        # The first look costs a third of the second.
        if "//" in path and path.startswith("//"):
            # Slashes in front count as one, as on the default endpoint (semantics sheet 1.1).
            path = "/" + path.lstrip("/")
        exchange.context_path = path
        if len(path) <= RESERVED_CHARACTERS and path in RESERVED_PATHS:
            raise HealthCheck
        found = domain.find(path)
        if found is None:
            raise forbidden(f"no base path mapping of {request.host} matches {path}")
        exchange.base_path, mapping, rest = found
        stage_name = mapping.stage
        if stage_name == STAGELESS:
            stage_name, rest = split_stage(rest)
        try:
            return snapshot.apis[mapping.rest_api_id][stage_name], rest
        except KeyError:
            raise _nowhere(snapshot, mapping.rest_api_id, stage_name) from None
    return _by_default_endpoint(snapshot, exchange, place.api_id)


def _by_default_endpoint(
    snapshot: Snapshot, exchange: Exchange, api_id: str | None
) -> tuple[CompiledStage, str]:
    """Locate by an API's own host, or by a path that names an API; the stage comes next."""
    request = exchange.request
    path = request.path
    if api_id is None:
        form = split_path_form(path)
        if form is None:
            raise forbidden(f"host {request.host} is no custom domain and names no API")
        api_id, path = form
    stage_name, rest = split_stage(path)
    exchange.context_path = f"/{stage_name}{rest}"
    if rest == "/" and request.path in RESERVED_PATHS and _is_open(snapshot, api_id):
        raise HealthCheck
    stage = snapshot.apis.get(api_id, _NO_STAGES).get(stage_name)
    if stage is None:
        raise _nowhere(snapshot, api_id, stage_name)
    if stage.is_execute_api_disabled:
        raise forbidden(f"API {api_id} has disableExecuteApiEndpoint")
    return stage, rest


def _nowhere(snapshot: Snapshot, api_id: str, stage_name: str) -> Fault:
    if api_id not in snapshot.apis:
        return forbidden(f"there is no API {api_id}")
    return forbidden(f"API {api_id} has no stage {stage_name}")


def _is_open(snapshot: Snapshot, api_id: str) -> bool:
    """Return whether there is an API whose default endpoint some stage has."""
    stages = snapshot.apis.get(api_id, _NO_STAGES)
    return any(not stage.is_execute_api_disabled for stage in stages.values())
