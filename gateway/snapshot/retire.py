"""Lets go of a snapshot piecemeal: freed at once, thousands of methods would hold the loop.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.snapshot.compiled import CompiledDeployment, CompiledStage, Snapshot
from gateway.snapshot.slices import Slices

_AT_A_TIME: Final = 8
"""Objects that are freed in one step: some microseconds."""


def retire(before: Snapshot, now: Snapshot) -> Slices[None]:
    """Free what only the snapshot before held; run it once `now` is served in its place.

    What a request in flight still uses is freed with it.
    """
    held: list[object] = []
    yield from _hold(held, _gone(before, now))
    # From here on only `held` keeps them. Parents come before what they refer to: freed first, they
    # free nothing else.
    del before
    held.reverse()
    while held:
        del held[-_AT_A_TIME:]
        yield


def _hold(held: list[object], gone: Iterator[object]) -> Slices[None]:
    # A function of its own: no name of the loop keeps anything once it has ended.
    for each in gone:
        if each is not None:
            held.append(each)
        yield


def _gone(before: Snapshot, now: Snapshot) -> Iterator[object]:
    """Yield what `now` does not use of `before`, and None between whiles."""
    for api_id, stages in before.apis.items():
        kept = now.apis.get(api_id, {})
        if kept is not stages:
            for name, stage in stages.items():
                if kept.get(name) is not stage:
                    yield from _parts_of_stage(stage)
        yield None
    routes: set[int] = set()
    for deployment in now.deployments.values():
        routes.add(id(deployment.routes))
        yield None
    for id_, deployment in before.deployments.items():
        if now.deployments.get(id_) is not deployment:
            yield from _parts_of(deployment)
            # Deployments of one API may share them, with those that are still served, too.
            if id(deployment.routes) not in routes:
                routes.add(id(deployment.routes))
                yield from _parts_of_routes(deployment)
        yield None


def _parts_of_stage(stage: CompiledStage) -> Iterator[object]:
    yield from stage.base.methods.asked_for()
    if stage.canary is not None:
        yield from stage.canary.methods.asked_for()
    yield from stage.bound
    yield from stage.bound.values()


def _parts_of(deployment: CompiledDeployment) -> Iterator[object]:
    yield from deployment.methods.asked_for()
    yield from deployment.integration_plans
    yield from deployment.integration_plans.values()
    if deployment.recorded is not None:
        yield from deployment.recorded.pieces()


def _parts_of_routes(deployment: CompiledDeployment) -> Iterator[object]:
    yield from deployment.routes.nodes()
    for path, _ in deployment.places():
        yield path
