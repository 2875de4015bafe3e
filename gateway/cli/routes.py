"""`stagegate routes`: every method of every stage."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.cli.inputs import served_files
from gateway.cli.output import Cell, Output
from gateway.definitions.method_settings import effective_setting
from gateway.explain import compile_alone
from gateway.release import BASE_ARM, CANARY_ARM
from gateway.snapshot.compiled import CompiledMethod, CompiledStage, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line: a method of one arm of a stage."""

    api: str
    stage: str
    arm: str
    method: str
    path: str
    integration: str
    backend: str
    rate_limit: float | None
    burst_limit: int | None
    refusal: str | None
    """Why it answers 500 instead."""


def routes(arguments: argparse.Namespace, output: Output) -> int:
    """Print every route; return 1 if a file has errors, so that its API is missing."""
    settings, files = served_files(arguments)
    listed = list(routes_of(compile_alone(files.release, settings.limits.body_bytes)))
    if arguments.json:
        output.json(listed)
    else:
        columns = ("api", "stage", "method", "path", "integration", "backend", "throttle")
        output.table(columns, [_cells(route) for route in listed])
    output.problems(problem for problem in files.problems if problem.severity == "error")
    return 1 if files.error_count else 0


def routes_of(snapshot: Snapshot) -> Iterator[Route]:
    """Yield the routes, by API, stage, arm, path and method."""
    for api_id in sorted(snapshot.apis):
        for stage_name in sorted(snapshot.apis[api_id]):
            stage = snapshot.apis[api_id][stage_name]
            yield from _arm_routes(stage, BASE_ARM, stage.base.methods)
            if stage.canary is not None:
                yield from _arm_routes(stage, CANARY_ARM, stage.canary.methods)


def _arm_routes(
    stage: CompiledStage, arm: str, methods: Iterable[CompiledMethod]
) -> Iterator[Route]:
    settings = stage.definition.method_settings
    for method in sorted(methods, key=lambda one: one.identity.resource_path):
        identity = method.identity
        setting = effective_setting(settings, identity.resource_path, identity.http_method)
        described = method.integration.describe() if method.integration else {}
        yield Route(
            api=identity.api_id,
            stage=identity.stage,
            arm=arm,
            method=identity.http_method,
            path=identity.resource_path,
            integration=described.get("type", ""),
            backend=described.get("backend", ""),
            rate_limit=setting.throttling_rate_limit if setting else None,
            burst_limit=setting.throttling_burst_limit if setting else None,
            refusal=method.refusal,
        )


def _cells(route: Route) -> tuple[Cell, ...]:
    stage = route.stage if route.arm == BASE_ARM else f"{route.stage} ({route.arm})"
    throttle = (
        "" if route.rate_limit is None else f"{route.rate_limit:g}/s, burst {route.burst_limit}"
    )
    integration: Cell = route.integration
    backend: Cell = route.backend
    if route.refusal is not None:
        integration, backend = ("answers 500", "red"), (route.refusal, "red")
    return route.api, stage, (route.method, "bold"), route.path, integration, backend, throttle
