"""What the store holds of what is served: stages, outlines of deployments and their parts. Pure.

A deployment is taken over once, as text, and never decoded here: see `gateway.release.frozen`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gateway.definitions.stage import Deployment, Stage
from gateway.errors import ConfigurationError, Problem
from gateway.release import Deployments, Release, arms
from gateway.release.frozen import freeze
from gateway.release.parts import Part
from gateway.reload.sizes import size_problem
from gateway.store.served import ServedApi


@dataclass(frozen=True, slots=True)
class HeldApi:
    """One API of the store."""

    stages: Mapping[str, Stage]
    """By name."""
    deployments: Deployments
    """Outlines of what the stages point at, by id."""


class StoredApis:
    """The APIs of the store, whether a file wins over them or not. One writer: the reloader."""

    def __init__(self, start: Release, parts: Mapping[str, Part]) -> None:
        """Begin with those of the last good release, which has these parts."""
        self._held: dict[str, HeldApi] = {}
        self.parts: dict[str, Part] = {}
        """Their deployments' parts, by key: outlines cannot be encoded."""
        self.unfit: dict[str, tuple[Problem, ...]] = {}
        """Why what was stored last of an API was not taken over, by API."""
        for api_id in start.stages.keys() - start.files.keys():
            stages = start.stages[api_id]
            ids = {id_ for stage in stages.values() for _, id_ in arms(stage)}
            self._held[api_id] = HeldApi(stages, {id_: start.deployments[id_] for id_ in ids})
            keys = [_key(id_) for id_ in ids]
            self.parts.update((key, parts[key]) for key in keys if key in parts)

    def __repr__(self) -> str:
        return f"<StoredApis {len(self._held)} APIs, {len(self.parts)} deployments>"

    def __iter__(self) -> Iterator[tuple[str, HeldApi]]:
        return iter(self._held.items())

    def get(self, api_id: str) -> HeldApi | None:
        """Return an API; None: the store serves nothing of that id."""
        return self._held.get(api_id)

    @property
    def deployment_ids(self) -> frozenset[str]:
        """The ids of the deployments that need not be read again."""
        return frozenset(id_ for held in self._held.values() for id_ in held.deployments)

    def forget_others(self, api_ids: Collection[str]) -> None:
        """Forget all APIs but these."""
        self.take(dict.fromkeys(self._held.keys() - api_ids))

    def take(self, stored: Mapping[str, ServedApi | None]) -> None:
        """Take over what the store says of some APIs; what cannot travel stays as it was."""
        for api_id, served in stored.items():
            before = self._held.get(api_id)
            held = dict(before.deployments) if before is not None else {}
            try:
                held.update(self._frozen(served))
            except ConfigurationError as error:
                self.unfit[api_id] = error.problems
                continue
            self.unfit.pop(api_id, None)
            ids = frozenset[str]() if served is None else served.deployment_ids
            for id_ in held.keys() - ids:
                self.parts.pop(_key(id_), None)
            if served is None:
                self._held.pop(api_id, None)
            else:
                self._held[api_id] = HeldApi(served.stages, {id_: held[id_] for id_ in ids})

    def _frozen(self, served: ServedApi | None) -> dict[str, Deployment]:
        """Return the outlines of what was read anew, and keep its parts.

        Raises:
            ConfigurationError: something of it cannot be read, or is too large for the workers.
        """
        frozen = [
            freeze(each.id, each.api_id, each.text, each.created_date)
            for each in (served.deployments.values() if served is not None else ())
        ]
        if problems := [each for _, part in frozen if (each := size_problem(part)) is not None]:
            raise ConfigurationError(tuple(problems))
        self.parts.update((part.key, part) for _, part in frozen)
        return {outline.id: outline for outline, _ in frozen}


def _key(deployment_id: str) -> str:
    return f"deployment/{deployment_id}"
