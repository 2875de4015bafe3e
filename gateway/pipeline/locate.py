"""Which stage of which API a request is for: by host, base path and stage name."""

from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType, forbidden
from gateway.messages import Exchange
from gateway.routing import split_path_form, split_stage
from gateway.snapshot.compiled import CompiledStage, DomainRefusal, Snapshot

STAGELESS = "(none)"
"""The stage of a base path mapping that takes it from the path (AWS's spelling)."""


def locate(snapshot: Snapshot, exchange: Exchange) -> tuple[CompiledStage, str]:
    """Return the stage and the path below it; note `$context.path` and the base path.

    Raises:
        Fault: 403 Forbidden for a host, base path, API or stage that is not there (AWS's answer
            for a custom domain without a mapping, and for an unknown stage);
            API_CONFIGURATION_ERROR for a domain that asks for what is not enforced yet.
    """
    request = exchange.request
    domain, api_id = snapshot.places[request.host]
    if domain is not None:
        exchange.context_path = request.path
        found = domain.find(request.path)
        if found is None:
            raise forbidden(f"no base path mapping of {request.host} matches {request.path}")
        exchange.base_path, mapping, rest = found
        if isinstance(mapping, DomainRefusal):
            raise Fault(
                GatewayResponseType.API_CONFIGURATION_ERROR,
                detail=f"Execution failed due to configuration error: {mapping.feature} of "
                f"{request.host} is not enforced yet",
            )
        stage_name = mapping.stage
        if stage_name == STAGELESS:
            stage_name, rest = split_stage(rest)
        return _stage(snapshot, mapping.rest_api_id, stage_name), rest
    path = request.path
    if api_id is None:
        form = split_path_form(path)
        if form is None:
            raise forbidden(f"host {request.host} is no custom domain and names no API")
        api_id, path = form
    stage_name, rest = split_stage(path)
    exchange.context_path = f"/{stage_name}{rest}"
    stage = _stage(snapshot, api_id, stage_name)
    if stage.is_execute_api_disabled:
        raise forbidden(f"API {api_id} has disableExecuteApiEndpoint")
    return stage, rest


def _stage(snapshot: Snapshot, api_id: str, stage_name: str) -> CompiledStage:
    stages = snapshot.apis.get(api_id)
    if stages is None:
        raise forbidden(f"there is no API {api_id}")
    stage = stages.get(stage_name)
    if stage is None:
        raise forbidden(f"API {api_id} has no stage {stage_name}")
    return stage
