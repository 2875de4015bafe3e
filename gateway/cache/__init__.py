"""The stage cache: what is remembered of answers, and when it may be used again."""

from gateway.cache.codings import accepted_codings
from gateway.cache.flights import Flight
from gateway.cache.keys import CacheKey, compile_key
from gateway.cache.responses import CachedResponses
from gateway.cache.revalidation import Revalidation, asks_for_fresh, revalidation_of

__all__ = [
    "CacheKey",
    "CachedResponses",
    "Flight",
    "Revalidation",
    "accepted_codings",
    "asks_for_fresh",
    "compile_key",
    "revalidation_of",
]
