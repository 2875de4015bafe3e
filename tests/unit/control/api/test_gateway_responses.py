from __future__ import annotations

import pytest

from gateway.control.api import gateway_responses
from gateway.control.api.gateway_responses import DEFAULT_TEMPLATES, shown
from gateway.errors import GatewayResponseType


def test_the_message_lists_every_type_once() -> None:
    named = gateway_responses._ENUM.split(", ")

    assert sorted(named) == sorted(GatewayResponseType)


@pytest.mark.parametrize("type_", GatewayResponseType)
def test_every_type_has_a_default_view(type_: GatewayResponseType) -> None:
    told = shown(type_, {})

    assert told["responseType"] == type_.value
    assert told["responseTemplates"] == DEFAULT_TEMPLATES
    assert told["defaultResponse"] is True
    assert ("statusCode" in told) is not type_.value.startswith("DEFAULT_")


def test_views_share_nothing_that_can_change() -> None:
    shown(GatewayResponseType.THROTTLED, {})["responseTemplates"].clear()

    assert DEFAULT_TEMPLATES
