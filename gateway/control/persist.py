"""The last good release as control takes it up again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.release import Release
from gateway.release.disk import ReleaseStore
from gateway.release.parts import Part, salvage_release
from gateway.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LastGood:
    """What a control process begins with."""

    release: Release
    """Of revision 0 when there is none."""
    parts: Mapping[str, Part]
    run: str
    """The supervisor's run in which it was made; empty when there is none."""


def release_directory(settings: Settings) -> Path:
    """Return where the last good release lies."""
    return settings.data / "release"


def load_last_good(settings: Settings) -> LastGood:
    """Return the last good release, as far as it is readable; the settings are those of now."""
    empty = Release(revision=0, digest="", region=settings.region, account=settings.account)
    stored = ReleaseStore(release_directory(settings)).load()
    if stored is None:
        return LastGood(_with_settings(empty, settings), {}, "")
    release, problems = salvage_release(stored.revision, stored.parts)
    for problem in problems:
        _log.warning("ignoring a part of the last good release: %s", problem)
    return LastGood(_with_settings(release, settings), stored.parts, stored.run)


def last_good_release(settings: Settings) -> Release:
    """Return the last good release; an empty one of revision 0 when there is none."""
    return load_last_good(settings).release


def _with_settings(release: Release, settings: Settings) -> Release:
    return replace(
        release,
        region=settings.region,
        account=settings.account,
        account_rate_limit=settings.throttle.account_rate_limit,
        account_burst_limit=settings.throttle.account_burst_limit,
        throttle_shadow=settings.throttle.shadow,
    )
