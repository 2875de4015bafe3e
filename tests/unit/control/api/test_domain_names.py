from __future__ import annotations

import pytest

from gateway.control.api import domain_names
from gateway.errors import ControlError
from tests.unit.control.api.handlers import Handlers


def test_the_number_of_domains_is_bounded(
    handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain_names, "DOMAINS_MAX", 1)
    handlers.call("CreateDomainName", {"domainName": "a.example.com"})

    with pytest.raises(ControlError, match="LimitExceededException"):
        handlers.call("CreateDomainName", {"domainName": "b.example.com"})


def test_a_name_is_needed(handlers: Handlers) -> None:
    with pytest.raises(ControlError, match="Invalid domain name specified"):
        handlers.call("CreateDomainName", {})


def test_a_patch_that_changes_nothing_publishes_nothing(handlers: Handlers) -> None:
    handlers.call("CreateDomainName", {"domainName": "a.example.com"})
    assert handlers.changes.are_domains_changed

    operation = {"op": "replace", "path": "/routingMode", "value": "BASE_PATH_MAPPING_ONLY"}
    handlers.call("UpdateDomainName", {"patchOperations": [operation]}, domain_name="a.example.com")

    assert not handlers.changes
