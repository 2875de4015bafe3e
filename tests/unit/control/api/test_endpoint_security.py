from __future__ import annotations

import pytest

from gateway.control.api.endpoint_security import (
    check_access_mode,
    refuse_enhanced_api,
)
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers

STRONG = "SecurityPolicy_TLS13_1_3_2025_09"


@pytest.mark.parametrize(
    ("policy", "mode", "message"),
    [
        (STRONG, None, "endpointAccessMode is required with SecurityPolicy_"),
        ("TLS_1_2", "BASIC", "endpointAccessMode cannot be used with TLS_1_2"),
        (None, "STRICT", "endpointAccessMode cannot be used with the default"),
        (STRONG, "BASIC", None),
        ("TLS_1_0", None, None),
        (None, None, None),
    ],
)
def test_a_mode_goes_with_an_enhanced_policy(
    policy: str | None, mode: str | None, message: str | None
) -> None:
    if message is None:
        check_access_mode(policy, mode)
        return
    with pytest.raises(ControlError, match=message):
        check_access_mode(policy, mode)


def test_an_api_has_only_what_is_enforced() -> None:
    refuse_enhanced_api("TLS_1_2", None)
    with pytest.raises(ControlError, match="is not supported for an API"):
        refuse_enhanced_api(STRONG, "STRICT")


@pytest.mark.parametrize(
    "body",
    [
        {"securityPolicy": STRONG, "endpointAccessMode": "STRICT"},
        {"securityPolicy": STRONG, "endpointAccessMode": "BASIC"},
        {"securityPolicy": STRONG},
        {"endpointAccessMode": "STRICT"},
    ],
)
def test_an_api_is_not_made_or_changed_to_be_served_without_it(
    handlers: Handlers, body: dict[str, str]
) -> None:
    api = handlers.api(securityPolicy="TLS_1_2")["id"]
    operations = [{"op": "replace", "path": f"/{name}", "value": body[name]} for name in body]

    with pytest.raises(ControlError, match="BadRequestException"):
        handlers.api(**body)
    with pytest.raises(ControlError, match="BadRequestException"):
        handlers.call("UpdateRestApi", {"patchOperations": operations}, restapi_id=api)


def test_what_was_stored_before_is_not_deployed_and_can_be_mended(handlers: Handlers) -> None:
    api = handlers.method()["restapi_id"]
    handlers.store.run(
        lambda transaction: transaction.execute(
            "UPDATE rest_api SET security_policy = ?, endpoint_access_mode = 'STRICT'", (STRONG,)
        )
    )

    with pytest.raises(ControlError, match="is not supported for an API"):
        handlers.call("CreateDeployment", restapi_id=api)
    told = handlers.call(
        "UpdateRestApi",
        {
            "patchOperations": [
                {"op": "replace", "path": "/endpointAccessMode", "value": ""},
                {"op": "replace", "path": "/securityPolicy", "value": "TLS_1_2"},
            ]
        },
        restapi_id=api,
    )

    assert "endpointAccessMode" not in told
    assert handlers.call("CreateDeployment", restapi_id=api)["id"]
