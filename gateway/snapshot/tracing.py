"""Which methods of a stage are traced: settings put to integrations."""

from __future__ import annotations

from typing import Final

from gateway.definitions.stage import LoggingLevel, MethodSetting, Stage
from gateway.integrations.base import CompiledIntegration, IntegrationContext
from gateway.integrations.traced import Traced

_FIRST_CONTENT: Final = "$context.integration.timeToFirstContent"
"""The one variable of access logs that somebody must watch the bodies for."""


def with_trace(
    integration: CompiledIntegration,
    setting: MethodSetting | None,
    stage: Stage,
    context: IntegrationContext,
) -> CompiledIntegration:
    """Return the integration with a watch over it, where the stage's settings ask for one.

    Data tracing adds to the log at INFO; at other levels it has nothing to add to, as on AWS.
    """
    has_data = (
        setting is not None
        and setting.data_trace_enabled
        and setting.logging_level is LoggingLevel.INFO
    )
    log = stage.access_log_settings
    if not has_data and (log is None or _FIRST_CONTENT not in log.format):
        return integration
    return Traced(integration, has_data=has_data, now=context.now)
