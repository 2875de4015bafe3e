"""Facts about telling of certificates that end."""

from __future__ import annotations

import logging

import pytest

from gateway.control.expiry import ExpiryWatch
from gateway.definitions.client_certificate import ClientCertificate

DAY = 86_400.0
END = 1_800_000_000.0


def certificate(id_: str = "partner") -> ClientCertificate:
    return ClientCertificate(
        client_certificate_id=id_, certificate=id_, private_key="secret", expiration_epoch=END
    )


def test_each_step_towards_the_end_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = ExpiryWatch()
    caplog.set_level(logging.INFO)
    told = []
    for days in (40, 31, 30, 29, 8, 7, 6, 2, 1, 0.5, 0, -1, -100):
        caplog.clear()
        watch.look([certificate()], END - days * DAY)
        told += [(days, each.levelname) for each in caplog.records]

    assert told == [(30, "WARNING"), (7, "WARNING"), (1, "WARNING"), (0, "ERROR")]


def test_a_late_start_tells_where_things_stand(caplog: pytest.LogCaptureFixture) -> None:
    ExpiryWatch().look([certificate()], END - 3.2 * DAY)

    (message,) = caplog.messages
    assert message.startswith(
        "client certificate partner ends on 2027-01-15 08:00:00+00:00, in 4 days: "
    )


def test_a_rotated_certificate_is_another_one(caplog: pytest.LogCaptureFixture) -> None:
    watch = ExpiryWatch()
    watch.look([certificate()], END)
    watch.look([certificate("other")], END)
    watch.look([], END)

    assert len(caplog.messages) == 2
    assert "0 certificates" in repr(watch)
