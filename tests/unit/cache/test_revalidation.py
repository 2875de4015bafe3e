"""Facts about clients that ask for fresh answers."""

from __future__ import annotations

import pytest

from gateway.cache.revalidation import Revalidation, asks_for_fresh, revalidation_of
from gateway.definitions.stage import CacheControlStrategy, MethodSetting


@pytest.mark.parametrize(
    ("value", "asks"),
    [
        ("max-age=0", True),
        ("no-store, MAX-AGE = 0", True),
        ('max-age="0"', True),
        ("max-age=00", False),
        ("max-age=10", False),
        ("no-cache", False),
        ("s-max-age=0", False),
        ("", False),
    ],
)
def test_max_age_0_alone_asks(value: str, asks: bool) -> None:
    assert asks_for_fresh(value) is asks


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (CacheControlStrategy.FAIL_WITH_403, Revalidation.REFUSED),
        (
            CacheControlStrategy.SUCCEED_WITH_RESPONSE_HEADER,
            Revalidation.IGNORED_WITH_WARNING,
        ),
        (CacheControlStrategy.SUCCEED_WITHOUT_RESPONSE_HEADER, Revalidation.IGNORED),
    ],
)
def test_who_has_no_authorization_gets_what_the_strategy_says(
    strategy: CacheControlStrategy, expected: Revalidation
) -> None:
    guarded = MethodSetting(unauthorized_cache_control_header_strategy=strategy)
    open_to_all = MethodSetting(
        require_authorization_for_cache_control=False,
        unauthorized_cache_control_header_strategy=strategy,
    )

    assert revalidation_of(guarded) is expected
    assert revalidation_of(open_to_all) is Revalidation.HEEDED
