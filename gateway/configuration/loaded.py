"""What a config directory holds once it is read: values only."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.configuration.client_certificates import LoadedCertificates
from gateway.configuration.yaml_source import Positions
from gateway.definitions.documentation import DocumentationPart
from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Deployment, Stage
from gateway.definitions.usage_plan import NO_USAGE, UsageDefinitions
from gateway.errors import Problem

PROBLEMS_PER_FILE: Final = 100
"""More are counted, not listed: whoever mends these will ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A file and where in it a dotted path stands."""

    file: str
    """Path as problems show it."""
    positions: Positions
    """Lines and columns by dotted path."""

    def position(self, path: str) -> tuple[str, int, int]:
        """Return file, line and column of a path, or of what encloses it most closely."""
        return (self.file, *self.positions.find(path))

    def place(self, problem: Problem) -> Problem:
        """Return a problem with its place, unless it has one."""
        if problem.file is not None:
            return problem
        file, line, column = self.position(problem.path)
        return dataclasses.replace(problem, file=file, line=line, column=column)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedApi:
    """One API from its file: the stages and every deployment that they point at."""

    api_id: str
    """`restApi.id`, or the file's name without its suffix."""
    stages: Mapping[str, Stage]
    """Stages by name."""
    deployments: Mapping[str, Deployment]
    """Deployments by id."""
    placement: Placement
    """The API file."""
    sources: Mapping[str, Placement]
    """By deployment id: the file that its definition was read from."""
    documentation_parts: tuple[DocumentationPart, ...] = ()
    """What is said about its parts, one for each place."""

    @property
    def file(self) -> str:
        """The API file's path, as problems show it."""
        return self.placement.file

    def position(self, path: str) -> tuple[str, int, int]:
        """Return file, line and column of a path in the API file (`stages.prod.variables`)."""
        return self.placement.position(path)

    def locate(self, problem: Problem, deployment_id: str | None = None) -> Problem:
        """Return a problem with its place.

        With a deployment's id, its path is looked up where that deployment's definition stands,
        which may be a file under `versions/`.
        """
        return self.sources.get(deployment_id or "", self.placement).place(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything that a config directory defines."""

    directory: Path = Path()
    """Where API files are looked for, there or not."""
    apis: Mapping[str, LoadedApi] = field(default_factory=dict)
    """APIs without an error, by id."""
    domains: tuple[DomainName, ...] | None = ()
    """All custom domain names; None: `domains.yaml` has an error, keep the last good ones."""
    usage: UsageDefinitions | None = NO_USAGE
    """Usage plans and API keys; None: `usage.yaml` has an error, keep the last good ones."""
    problems: tuple[Problem, ...] = ()
    """Errors and warnings, each with file, line and column."""
    client_certificates: LoadedCertificates = field(default_factory=LoadedCertificates)
    """Client certificates for backends."""
    vpc_links: Mapping[str, tuple[str, ...]] | None = field(default_factory=dict)
    """Addresses by a VPC link's id or its target's ARN; None: the file has an error."""
    files: tuple[Path, ...] = ()
    """Every file that was read, or should have been."""
    partial: Mapping[str, LoadedApi] = field(default_factory=dict)
    """What could be read of APIs with an error, by id: to be checked further, never to be served.
    Deployments lack what is broken, and so may a stage lack its deployment."""
    broken: frozenset[str] = frozenset()
    """Ids of APIs with an error: keep their last good form."""
    broken_files: frozenset[str] = frozenset()
    """Their files. A file too broken to tell its `restApi.id` is known by this only."""
    is_absent: bool = False
    """There is no API file, or their directory cannot be listed: while a gateway runs, nothing may
    be concluded from that."""


def bounded(problems: Iterable[Problem], file: str) -> list[Problem]:
    """Return the first problems of a file, errors first, and one that counts the others."""
    ordered = sorted(problems, key=lambda problem: problem.severity != "error")
    listed = ordered[:PROBLEMS_PER_FILE]
    if len(ordered) > len(listed):
        text = f"and {len(ordered) - len(listed)} more problems; mend these first"
        listed.append(Problem("", text, file, severity=ordered[len(listed)].severity))
    return listed
