"""What cannot travel to the workers, told before it is tried.

A frame above the bound makes every worker close its connection and ask again, for ever: one such
deployment would keep all others from being published.
"""

from __future__ import annotations

from gateway.definitions.stage import Deployment
from gateway.errors import Problem
from gateway.release.encode import encode_deployment
from gateway.release.parts import FRAME_BYTES_MAX, Part


def size_problem(part: Part) -> Problem | None:
    """Return the error that a deployment is too large to be served, if it is."""
    if part.longest_frame <= FRAME_BYTES_MAX:
        return None
    text = (
        f"{part.key.replace('/', ' ')}: a method, or all that is no method, has "
        f"{part.longest_frame} bytes, which is more than the {FRAME_BYTES_MAX} that a worker "
        "takes at once; make its templates smaller, or fewer"
    )
    return Problem("resources", text)


class Encodings:
    """Deployments of files encoded to be measured, kept for the release that needs them next."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    def __repr__(self) -> str:
        return f"<Encodings {len(self._parts)} parts>"

    def problem_of(self, deployment: Deployment) -> Problem | None:
        """Return the error that a deployment is too large to be served, if it is."""
        part = encode_deployment(deployment)
        self._parts[part.key] = part
        return size_problem(part)

    def take(self) -> dict[str, Part]:
        """Return the parts by key, and forget them."""
        parts, self._parts = self._parts, {}
        return parts
