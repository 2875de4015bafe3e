from __future__ import annotations

from gateway.store.account_wide import NOTHING_WIDE, account_wide
from gateway.store.transaction import Changes
from tests.unit.control.api.handlers import Handlers


def test_only_what_changed_is_read(handlers: Handlers) -> None:
    handlers.call("CreateApiKey", {"name": "mobile"})
    handlers.call("GenerateClientCertificate")

    def read(changes: Changes) -> list[str]:
        outcome = handlers.store.run(lambda transaction: account_wide(transaction, changes))
        kinds: list[str] = outcome.value.kinds() if outcome.value else []
        return kinds

    assert read(Changes({"a"})) == []
    assert read(Changes(is_usage_changed=True)) == ["usage plans"]
    assert read(Changes(are_connections_changed=True)) == ["connections"]
    assert read(Changes(are_domains_changed=True)) == ["domains"]
    assert not NOTHING_WIDE
