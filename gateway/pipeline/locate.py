"""Which stage of which API a request is for: by host, base path and stage name."""

from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange
from gateway.routing import split_path_form, split_stage
from gateway.snapshot.compiled import CompiledStage, Snapshot

STAGELESS = "(none)"
"""The stage of a base path mapping that takes it from the path (AWS's spelling)."""


def locate(snapshot: Snapshot, exchange: Exchange) -> tuple[CompiledStage, str]:
    """Return the stage and the path below it; note `$context.path` and the base path.

    Raises:
        Fault: 403 Forbidden for a host, base path, API or stage that is not there (AWS's answer
            for a custom domain without a mapping, and for an unknown stage), and for a connection
            that has not shown what the domain asks for.
    """
    request = exchange.request
    domain, api_id, guard = snapshot.places[request.host]
    if guard is not None:
        refusal = guard.refusal(request.host, request.tls)
        if refusal is not None:
            raise _forbidden(refusal)
    if domain is not None:
        exchange.context_path = request.path
        found = domain.find(request.path)
        if found is None:
            raise _forbidden(f"no base path mapping of {request.host} matches {request.path}")
        exchange.base_path, mapping, rest = found
        stage_name = mapping.stage
        if stage_name == STAGELESS:
            stage_name, rest = split_stage(rest)
        return _stage(snapshot, mapping.rest_api_id, stage_name), rest
    path = request.path
    if api_id is None:
        form = split_path_form(path)
        if form is None:
            raise _forbidden(f"host {request.host} is no custom domain and names no API")
        api_id, path = form
    stage_name, rest = split_stage(path)
    exchange.context_path = f"/{stage_name}{rest}"
    stage = _stage(snapshot, api_id, stage_name)
    if stage.is_execute_api_disabled:
        raise _forbidden(f"API {api_id} has disableExecuteApiEndpoint")
    return stage, rest


def _stage(snapshot: Snapshot, api_id: str, stage_name: str) -> CompiledStage:
    stages = snapshot.apis.get(api_id)
    if stages is None:
        raise _forbidden(f"there is no API {api_id}")
    stage = stages.get(stage_name)
    if stage is None:
        raise _forbidden(f"API {api_id} has no stage {stage_name}")
    return stage


def _forbidden(detail: str) -> Fault:
    return Fault(
        GatewayResponseType.DEFAULT_4XX,
        source="client",
        status=403,
        message="Forbidden",
        error_type="ForbiddenException",
        detail=detail,
    )
