"""What clients deployed and the data plane answers 500 for, told before a request meets it.

Files are checked before they are served, and `check` names what is missing. What is made through
the control API is served at once, each method that cannot be as its own 500; here such deployments
are compiled once more, beside, on a thread of their own, to name those methods: in `/status`, and
once for each deployment in the process's log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from gateway.definitions.domain import DomainName
from gateway.errors import ConfigurationError, Problem
from gateway.release.decode import decode_whole_part
from gateway.release.parts import Part
from gateway.server.tasks import spawn
from gateway.snapshot.check import problems_of_deployment, problems_of_domain_features
from gateway.store.served import ServedApi

_log = logging.getLogger(__name__)

KEPT: Final = 20
"""Problems of one deployment that are kept; of the others only the number."""

TOLD: Final = 200
"""Problems that `/status` tells in all."""

_LOGGED: Final = 3
"""Problems of a deployment that its line in the log names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedProblem:
    """A problem, and of what."""

    owner: str
    """`API a1b2c3, deployment d4e5f6`, or `domain api.example.com`."""
    problem: Problem

    def __str__(self) -> str:
        return f"{self.owner}: {self.problem}"


@dataclass(frozen=True, slots=True)
class _Found:
    """What is wrong with a deployment."""

    problems: tuple[Problem, ...]
    count: int
    """With those that are not kept."""


class DeployedProblems:
    """Checks the deployments that clients made. One writer: the control process's loop."""

    def __init__(self, part_of: Callable[[str], Part | None]) -> None:
        """Take what returns the part of a deployment of the current release by its id."""
        self._part_of = part_of
        self._apis: dict[str, frozenset[str]] = {}
        """Ids of the deployments that each API's stages and canaries point at."""
        self._found: dict[str, _Found] = {}
        """By id, of deployments that were checked."""
        self._waiting: dict[str, str] = {}
        """Deployments that are to be checked, with their APIs."""
        self._domains: dict[str, tuple[Problem, ...]] = {}
        self._executor = ThreadPoolExecutor(1, "checks")
        self._checking: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<DeployedProblems {len(self._found)} checked, {len(self._waiting)} waiting>"

    def note_apis(self, stored: Mapping[str, ServedApi | None]) -> None:
        """Take over which deployments some APIs serve now, and check those that are new."""
        for api_id, served in stored.items():
            ids = frozenset() if served is None else served.deployment_ids
            for gone in self._apis.pop(api_id, frozenset()) - ids:
                self._found.pop(gone, None)
                self._waiting.pop(gone, None)
            if ids:
                self._apis[api_id] = ids
            self._waiting |= {id_: api_id for id_ in ids if id_ not in self._found}
        if self._waiting and (self._checking is None or self._checking.done()):
            self._checking = spawn(self._check_all(), "check stored deployments")

    def note_domains(self, domains: Iterable[DomainName]) -> None:
        """Take over the store's custom domain names; log what is new of what is wrong."""
        found = {each.domain_name: tuple(problems_of_domain_features(each)) for each in domains}
        for name, problems in found.items():
            if problems != self._domains.get(name, ()):
                for problem in problems:
                    _log.warning("%s", problem)
        self._domains = {name: problems for name, problems in found.items() if problems}

    def problems(self, files: Container[str]) -> tuple[list[DeployedProblem], int]:
        """Return what is wrong, no more than `TOLD`, and how much there is beyond.

        `files` are the ids of APIs that files define, which are served in place of stored ones.
        """
        told: list[DeployedProblem] = []
        count = 0
        for owner, found in self._all(files):
            count += found.count
            room = TOLD - len(told)
            told += [DeployedProblem(owner=owner, problem=each) for each in found.problems[:room]]
        return told, count - len(told)

    def close(self) -> None:
        """Check no more."""
        self._waiting.clear()
        self._executor.shutdown()

    def _all(self, files: Container[str]) -> Iterator[tuple[str, _Found]]:
        for api_id, ids in self._apis.items():
            if api_id in files:
                continue
            for id_ in sorted(ids):
                found = self._found.get(id_)
                if found is not None and found.count:
                    yield _owner(api_id, id_), found
        for name, problems in self._domains.items():
            yield f"domain {name}", _Found(problems, len(problems))

    async def _check_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            id_, api_id = next(iter(self._waiting.items()))
            part = self._part_of(id_)
            if part is not None:
                found = await loop.run_in_executor(self._executor, _check, part)
                # Meanwhile the API may have left it.
                if id_ in self._waiting:
                    self._found[id_] = found
                    _tell(api_id, id_, found)
            self._waiting.pop(id_, None)


def _owner(api_id: str, deployment_id: str) -> str:
    return f"API {api_id}, deployment {deployment_id}"


def _check(part: Part) -> _Found:
    problems: Sequence[Problem]
    try:
        deployment = decode_whole_part(part).deployment
    except ConfigurationError as error:
        # Workers answer 500 where they cannot read it: see `gateway.release.recorded`.
        problems = error.problems
    else:
        problems = () if deployment is None else problems_of_deployment(deployment)[1]
    return _Found(tuple(problems[:KEPT]), len(problems))


def _tell(api_id: str, deployment_id: str, found: _Found) -> None:
    if not found.count:
        return
    shown = "; ".join(map(str, found.problems[:_LOGGED]))
    more = found.count - len(found.problems[:_LOGGED])
    rest = f"; and {more} more: see stagegate status" if more else ""
    _log.warning("%s: %s%s", _owner(api_id, deployment_id), shown, rest)
