from __future__ import annotations

import pytest

from gateway.control.api import vpc_links
from gateway.control.api.vpc_links import leads_through
from gateway.definitions.integration import ConnectionType, Integration, IntegrationType
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/pets/0123456789abcdef"


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/net/pets/1",
        "arn:aws:elasticloadbalancing:::targetgroup/pets/1",
    ],
)
def test_any_whole_arn_names_a_target_group(handlers: Handlers, arn: str) -> None:
    made = handlers.call("CreateVpcLink", {"name": "pets", "targetArns": [arn]})

    assert made["targetArns"] == [arn]


@pytest.mark.parametrize(
    "arn", ["", "arn:", "arn:aws:a:b:1:", "ARN:aws:a:b:1:c", f"{ARN} x", f"{ARN}\n", "x" * 3000]
)
def test_a_text_that_is_no_arn_is_refused(handlers: Handlers, arn: str) -> None:
    with pytest.raises(ControlError, match="ARN is not well formed") as error:
        handlers.call("CreateVpcLink", {"name": "pets", "targetArns": [arn]})

    assert len(error.value.message) < 300


@pytest.mark.parametrize("body", [{}, {"targetArns": [ARN]}, {"name": "pets"}])
def test_name_and_target_are_needed(handlers: Handlers, body: dict[str, object]) -> None:
    with pytest.raises(ControlError, match="BadRequestException"):
        handlers.call("CreateVpcLink", body)


def test_numbers_are_bounded(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vpc_links, "LINKS_MAX", 1)
    body = {"name": "pets", "targetArns": [ARN]}
    handlers.call("CreateVpcLink", body)

    with pytest.raises(ControlError, match="At most 1 VPC links"):
        handlers.call("CreateVpcLink", body)


@pytest.mark.parametrize(
    ("connection_id", "variables", "does"),
    [
        ("abc123", {}, True),
        ("abc124", {}, False),
        ("${stageVariables.link}", {"link": "abc123"}, True),
        ("${stageVariables.link}", {"link": "other"}, False),
        ("${stageVariables.link}", {}, False),
        (None, {}, False),
    ],
)
def test_a_link_is_named_directly_or_by_a_stage_variable(
    connection_id: str | None, variables: dict[str, str], does: bool
) -> None:
    integration = Integration(
        type=IntegrationType.HTTP_PROXY,
        uri="http://pets/",
        connection_type=ConnectionType.VPC_LINK,
        connection_id=connection_id,
    )

    assert leads_through(integration, "abc123", variables) is does


def test_an_integration_over_the_internet_leads_through_no_link() -> None:
    integration = Integration(
        type=IntegrationType.HTTP_PROXY, uri="http://pets/", connection_id="abc123"
    )

    assert not leads_through(integration, "abc123", {})
