"""The parts of releases that a worker holds, each read at most once. No I/O here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.definitions.rest_api import ApiDefinition, RestApi
from gateway.errors import ConfigurationError, Problem
from gateway.release import Release
from gateway.release.decode import decode_part, join_release
from gateway.release.parts import Part, digest_of_parts
from gateway.release.recorded import RecordedDeployment, read_deployment, unreadable
from gateway.release.records import DecodedPart

_log = logging.getLogger(__name__)

Absorb = Callable[[RecordedDeployment], Generator[None, None, None]]
"""Compiles a deployment and keeps the result; yields often."""

_ABSORBED: Final = ApiDefinition(rest_api=RestApi(name="compiled"))
"""Stands for a definition that is held in its compiled form."""


@dataclass(slots=True)
class Held:
    """A part on the shelf: its frames until it is decoded, its content from then on."""

    digest: str
    part: Part | None
    decoded: DecodedPart | None = None

    def absorb(self, absorb: Absorb) -> Generator[None, None, DecodedPart]:
        """Return the content, of a deployment without its definition: that is absorbed, once.

        Yields between records. What could not be absorbed stays as it came, for the next attempt.
        """
        part = self.part
        if self.decoded is not None:
            return self.decoded
        if part is None:
            raise AssertionError("a part is there until it is decoded")
        if part.key.startswith("deployment/"):
            self.decoded = yield from _absorbed(part, absorb)
        else:
            self.decoded = yield from decode_part(part)
        self.part = None
        return self.decoded


def _absorbed(part: Part, absorb: Absorb) -> Generator[None, None, DecodedPart]:
    try:
        recorded = yield from read_deployment(part)
        yield from absorb(recorded)
    except ConfigurationError as error:
        # Control passes deployments on as they were stored, maybe by another version of Stagegate.
        id_ = part.key.partition("/")[2]
        problems = "; ".join(str(problem) for problem in error.problems)
        _log.error("deployment %s cannot be read, every path answers 500: %s", id_, problems)
        recorded = unreadable(id_)
        yield from absorb(recorded)
    return DecodedPart(deployment=replace(recorded.deployment, definition=_ABSORBED))


class PartShelf:
    """Parts by key. One writer: the worker's release client."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def __repr__(self) -> str:
        return f"<PartShelf {len(self._held)} parts>"

    @property
    def digests(self) -> dict[str, str]:
        """Key to digest of all that need not be sent."""
        return {key: held.digest for key, held in self._held.items()}

    def put(self, part: Part) -> None:
        """Take a part, in place of an earlier one of its key.

        Raises:
            ConfigurationError: its content is not what its digest says.
        """
        if not part.is_intact:
            raise ConfigurationError((Problem(part.key, "arrived damaged"),))
        self._held[part.key] = Held(part.digest, part)

    def select(self, digests: Mapping[str, str]) -> dict[str, Held]:
        """Return the parts that a release names, and drop all others.

        Raises:
            ConfigurationError: one of them is not here.
        """
        missing = [
            key
            for key, digest in digests.items()
            if (held := self._held.get(key)) is None or held.digest != digest
        ]
        if missing:
            raise ConfigurationError(tuple(Problem(key, "is missing") for key in missing))
        self._held = {key: self._held[key] for key in digests}
        return dict(self._held)

    def clear(self) -> None:
        """Forget everything, so that everything is sent anew."""
        self._held = {}


def join(revision: int, held: Mapping[str, Held], absorb: Absorb) -> Generator[None, None, Release]:
    """Put a release together, whose deployments have no definitions: `absorb` got them, once each.

    Yields often.

    Raises:
        ConfigurationError: a part does not fit this version of Stagegate.
    """
    decoded: dict[str, DecodedPart] = {}
    for key, each in held.items():
        decoded[key] = yield from each.absorb(absorb)
        yield
    return (yield from join_release(revision, digest_of_held(held), decoded))


def digest_of_held(held: Mapping[str, Held]) -> str:
    """Return the digest of the release that consists of these parts."""
    return digest_of_parts({key: each.digest for key, each in held.items()})
