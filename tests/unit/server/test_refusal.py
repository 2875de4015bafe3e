from __future__ import annotations

from gateway.server.refusal import BODY, REASONS, RefusedError, too_large


def test_a_body_too_large_is_answered_in_the_words_of_aws() -> None:
    answer = too_large(10_485_760)

    assert answer.status == 413
    assert answer.body == b"HTTP content length exceeded 10485760 bytes."
    assert answer.content_type == b"text; charset=utf-8"


def test_the_error_carries_its_answer() -> None:
    assert RefusedError(BODY).refusal is BODY


def test_reasons_are_distinct_labels() -> None:
    assert len(set(REASONS)) == len(REASONS)
    assert all(reason.isascii() and reason.replace("_", "").isalpha() for reason in REASONS)
