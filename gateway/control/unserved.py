"""APIs that are not served as the store has them, and why: `unserved` in `/status`.

Such an API stays as it was last good, and holds back no other: it cannot be read, cannot travel to
the workers, finds no room in the tables that they share, or met a bug on its way. What clients
deployed and is served, each method with its own 500, is another matter: see `deployed_problems`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

_log = logging.getLogger(__name__)


class Unserved:
    """Names them. One writer: the control process's loop."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, ...]] = {}
        """By API; whichever was noted last comes last."""
        self._lacking_room: set[str] = set()

    def __repr__(self) -> str:
        return f"<Unserved {len(self._texts)} APIs>"

    def __contains__(self, api_id: object) -> bool:
        return api_id in self._texts

    @property
    def lacking_room(self) -> list[str]:
        """APIs that others may make room for; those that were tried longest ago come first."""
        return [api_id for api_id in self._texts if api_id in self._lacking_room]

    def note(self, api_id: str, texts: Iterable[str], *, lacks_room: bool = False) -> None:
        """Take note, in place of what was noted before, and log what is new."""
        before = self._texts.pop(api_id, ())
        self._texts[api_id] = now = tuple(texts)
        (self._lacking_room.add if lacks_room else self._lacking_room.discard)(api_id)
        for text in now if now != before else ():
            _log.error("API %s stays as it was last good: %s", api_id, text)

    def forget(self, api_id: str) -> None:
        """Take note that an API is served as the store has it."""
        self._texts.pop(api_id, None)
        self._lacking_room.discard(api_id)

    def texts(self) -> dict[str, list[str]]:
        """Return what is wrong with each API, by id."""
        return {api_id: list(self._texts[api_id]) for api_id in sorted(self._texts)}
