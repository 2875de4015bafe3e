"""What compiling an API of a file would complain about, found out once for the same content.

A deployment that was compiled to be checked is not compiled again while it is served, and an API
that was checked is not looked at again while nothing changes on which that depends. Pure.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.configuration.loaded import LoadedApi
from gateway.definitions.client_certificate import ClientCertificate
from gateway.errors import Problem
from gateway.release.parts import Part
from gateway.reload.connections import Connections
from gateway.reload.sizes import Encodings
from gateway.snapshot.check import checking_context, problems_of_deployment, problems_of_stage
from gateway.snapshot.compiled import CompiledDeployment

_log = logging.getLogger(__name__)

_ALL: Final = "resources"
"""Path of the problem that there are no methods."""

_Compiled = tuple[CompiledDeployment, tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    """What checking an API gave, and what it depends on."""

    api: LoadedApi
    certificates: Mapping[str, ClientCertificate]
    links: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]


class Checks:
    """Checks what files say. One writer: the reloader, which calls `keep` after each reload."""

    def __init__(self, connections: Connections) -> None:
        """Take what says which certificates and links there are."""
        self._connections = connections
        self._compiled: dict[str, _Compiled] = {}
        """By deployment id."""
        self._found: dict[str, _Found] = {}
        """By API id."""
        self._encodings = Encodings()

    def __repr__(self) -> str:
        return f"<Checks of {len(self._found)} APIs, {len(self._compiled)} deployments>"

    def problems_of(self, api: LoadedApi) -> tuple[Problem, ...]:
        """Return every problem of an API without an error in its file, with its place."""
        certificates, links = self._connections.certificates(), self._connections.vpc_links()
        known = self._found.get(api.api_id)
        if (
            known is None
            or known.api is not api
            or (known.certificates, known.links) != (certificates, links)
            or not api.deployments.keys() <= self._compiled.keys()
        ):
            problems = tuple(self._check(api, self._compiled, certificates, links))
            known = self._found[api.api_id] = _Found(api, certificates, links, problems)
        return known.problems

    def further(self, api: LoadedApi, known: Iterable[Problem]) -> list[Problem]:
        """Return what else is wrong with an API that has errors, so that one look names it all."""
        told = {(problem.file, problem.path) for problem in known}
        certificates, links = self._connections.certificates(), self._connections.vpc_links()
        try:
            # Deployments that lack what is broken must not be known to the next reload.
            found = self._check(api, dict(self._compiled), certificates, links)
        except Exception:  # noqa: BLE001 (compiling expects what passed its checks; this did not)
            _log.debug("%s cannot be checked further", api.file, exc_info=True)
            return []
        # Without methods: those that are broken are missing here only.
        return [each for each in found if (each.file, each.path) not in {*told, (each.file, _ALL)}]

    def keep(self, api_ids: Container[str], deployments: Container[str]) -> None:
        """Forget every API and every deployment but these."""
        self._found = {id_: each for id_, each in self._found.items() if id_ in api_ids}
        self._compiled = {id_: each for id_, each in self._compiled.items() if id_ in deployments}

    def take_parts(self) -> dict[str, Part]:
        """Return the parts of the deployments that were encoded to be measured, and forget them."""
        return self._encodings.take()

    def _check(
        self,
        api: LoadedApi,
        compiled: dict[str, _Compiled],
        certificates: Mapping[str, ClientCertificate],
        links: Mapping[str, tuple[str, ...]],
    ) -> list[Problem]:
        """Compile what is not among `compiled`, add it there, and return all problems."""
        found: list[Problem] = []
        for id_, deployment in api.deployments.items():
            if id_ not in compiled:
                made, problems = problems_of_deployment(deployment)
                size = self._encodings.problem_of(deployment)
                compiled[id_] = made, (*problems, *([] if size is None else [size]))
            found += [api.locate(problem, id_) for problem in compiled[id_][1]]
        compiled_by_id = {id_: compiled[id_][0] for id_ in api.deployments}
        for stage in api.stages.values():
            shown = stage.client_certificate_id
            context = checking_context(shown, certificates.get(shown or ""), links)
            found += map(api.locate, problems_of_stage(stage, compiled_by_id, context))
        return found
