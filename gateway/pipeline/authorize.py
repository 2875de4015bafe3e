"""Whether a request may go on. Nothing is open by omission."""

from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.base import CompiledIntegration
from gateway.snapshot.compiled import CompiledMethod


def authorize(method: CompiledMethod) -> CompiledIntegration:
    """Return the integration that may be invoked.

    Raises:
        Fault: API_CONFIGURATION_ERROR when the method asks for something that is not enforced
            yet, or could not be compiled: it is never served without.
    """
    integration = method.integration
    if integration is None:
        raise Fault(
            GatewayResponseType.API_CONFIGURATION_ERROR,
            detail=f"Execution failed due to configuration error: {method.refusal}",
        )
    return integration
