"""The last good release as control takes it up again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.release import Release
from gateway.release.decode import decode_whole_part, salvage_release
from gateway.release.disk import ReleaseStore
from gateway.release.frozen import outline_part
from gateway.release.parts import Part
from gateway.release.records import DecodedPart
from gateway.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LastGood:
    """What a control process begins with."""

    release: Release
    """Of revision 0 when there is none; its deployments are outlines."""
    parts: Mapping[str, Part]
    run: str
    """The supervisor's run in which it was made; empty when there is none."""


def release_directory(settings: Settings) -> Path:
    """Return where the last good release lies."""
    return settings.data / "release"


def load_last_good(settings: Settings) -> LastGood:
    """Return the last good release, as far as it is readable; the settings are those of now."""
    return _load(settings, outline_part)


def last_good_release(settings: Settings) -> Release:
    """Return the last good release, decoded; an empty one of revision 0 when there is none."""
    return _load(settings, decode_whole_part).release


def _load(settings: Settings, decode: Callable[[Part], DecodedPart]) -> LastGood:
    empty = Release(revision=0, digest="", region=settings.region, account=settings.account)
    stored = ReleaseStore(release_directory(settings)).load()
    if stored is None:
        return LastGood(_with_settings(empty, settings), {}, "")
    release, problems = salvage_release(stored.revision, stored.parts, decode)
    for problem in problems:
        _log.warning("ignoring a part of the last good release: %s", problem)
    # A deployment that could not be read is not known: it is made anew, or left out.
    parts = {
        key: part
        for key, part in stored.parts.items()
        if not key.startswith("deployment/") or key.partition("/")[2] in release.deployments
    }
    return LastGood(_with_settings(release, settings), parts, stored.run)


def _with_settings(release: Release, settings: Settings) -> Release:
    return replace(
        release,
        region=settings.region,
        account=settings.account,
        account_rate_limit=settings.throttle.account_rate_limit,
        account_burst_limit=settings.throttle.account_burst_limit,
        throttle_shadow=settings.throttle.shadow,
    )
