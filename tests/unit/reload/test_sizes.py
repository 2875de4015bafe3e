from __future__ import annotations

import pytest

from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import Deployment
from gateway.reload import sizes
from gateway.reload.sizes import Encodings


def deployment(template: str) -> Deployment:
    integration = Integration(
        type=IntegrationType.MOCK, request_templates={"application/json": template}
    )
    resource = Resource(path="/pets", methods={"GET": Method(integration=integration)})
    definition = ApiDefinition(rest_api=RestApi(name="pets"), resources=(resource,))
    return Deployment(id="d1", api_id="a", definition=definition)


def test_what_cannot_travel_is_told_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "FRAME_BYTES_MAX", 50_000)
    encodings = Encodings()

    assert encodings.problem_of(deployment("x" * 10_000)) is None
    problem = encodings.problem_of(deployment("x" * 60_000))

    assert problem is not None
    assert problem.severity == "error"
    assert "deployment d1" in problem.message
    assert "more than the 50000" in problem.message


def test_what_was_measured_is_not_encoded_again() -> None:
    encodings = Encodings()
    encodings.problem_of(deployment("x"))

    assert list(encodings.take()) == ["deployment/d1"]
    assert encodings.take() == {}
