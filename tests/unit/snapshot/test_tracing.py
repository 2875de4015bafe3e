"""Which methods are traced: nobody else pays for it."""

import pytest

from gateway.definitions.stage import AccessLogSettings, LoggingLevel, MethodSetting, Stage
from gateway.integrations.traced import Traced
from tests.builders import World, api, mock, release

DATA = MethodSetting(logging_level=LoggingLevel.INFO, data_trace_enabled=True)


def is_traced(**fields: object) -> bool:
    stage = Stage(stage_name="dev", **fields)  # type: ignore[arg-type]
    world = World(release(api({"/pets": {"GET": mock(200)}}), stage))
    (method,) = world.cell.current.apis["shop"]["dev"].base.methods
    return isinstance(method.integration, Traced)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"*/*": MethodSetting(logging_level=LoggingLevel.INFO)},
        {"*/*": MethodSetting(data_trace_enabled=True)},
        {"*/*": DATA, "pets/GET": MethodSetting()},
    ],
)
def test_without_data_tracing_a_method_is_what_it_was(settings: dict[str, MethodSetting]) -> None:
    assert not is_traced(method_settings=settings)


def test_a_method_s_own_setting_decides() -> None:
    assert is_traced(method_settings={"*/*": DATA})
    assert is_traced(method_settings={"pets/GET": DATA})


def test_a_format_may_ask_for_the_one_time_that_must_be_watched() -> None:
    named = "$context.requestId $context.integration.timeToFirstContent"

    assert is_traced(access_log_settings=AccessLogSettings(format=named))
    assert not is_traced(access_log_settings=AccessLogSettings(format="json"))
