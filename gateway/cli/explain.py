"""`stagegate explain`: prints what `gateway.explain` found out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from gateway.cli.inputs import served_files
from gateway.cli.output import Output
from gateway.explain import (
    ArmExplanation,
    Explanation,
    InvalidRequestError,
    compile_alone,
    request_of,
)
from gateway.explain import explain as explain_request


def explain(arguments: argparse.Namespace, output: Output) -> int:
    """Print a request's way; return 1 if a file has errors, so that its API is missing."""
    try:
        request = request_of(arguments.method, arguments.url, arguments.header)
    except InvalidRequestError as error:
        output.error(f"error: {error}")
        return 2
    settings, files = served_files(arguments)
    snapshot = compile_alone(files.release, settings.limits.body_bytes)
    explanation = explain_request(snapshot, files.release, request, settings.limits)
    if arguments.json:
        output.json(explanation)
    else:
        _print(explanation, output)
    output.problems(problem for problem in files.problems if problem.severity == "error")
    return 1 if files.error_count else 0


def _print(explanation: Explanation, output: Output) -> None:
    output.line(f"{explanation.http_method} {explanation.host}{explanation.path}", style="bold")
    _facts(output, _head(explanation))
    for arm in explanation.arms:
        output.line()
        if len(explanation.arms) > 1:
            output.line(f"{arm.arm}: {arm.percent:g} % of the requests", style="bold")
        _facts(output, _arm(arm))
        output.line()
        output.table(
            ("candidate", "resource", "outcome"),
            [
                (
                    one.http_method,
                    one.resource_path,
                    (one.outcome, "green" if one.is_chosen else "dim"),
                )
                for one in arm.candidates
            ],
        )


def _facts(output: Output, facts: Iterator[tuple[str, str]]) -> None:
    for name, text in facts:
        if text:
            output.line(f"  {name:<12} {text}")


def _head(explanation: Explanation) -> Iterator[tuple[str, str]]:
    yield "addressing", explanation.addressing
    yield "API", explanation.api_id or ""
    yield "stage", explanation.stage or ""
    yield "base path", explanation.base_path or ""
    yield "path below", explanation.path_below_stage or ""
    if explanation.arm_reason is not None:
        yield "arm", f"{explanation.chosen_arm or 'base or canary'}: {explanation.arm_reason}"
    yield "answer", explanation.answer or ""


def _arm(arm: ArmExplanation) -> Iterator[tuple[str, str]]:
    yield "deployment", arm.deployment_id
    yield "variables", _pairs(arm.stage_variables)
    yield "served by", arm.winner or "none"
    yield "parameters", _pairs(arm.path_parameters)
    yield "settings", f"from methodSettings.{arm.setting_key}" if arm.setting_key else ""
    yield "API key", arm.api_key or ""
    for bucket in arm.buckets:
        limits = f"{bucket.rate_limit:g} requests per second, burst {bucket.burst_limit:g}"
        limits += " (in shadow: counted, not refused)" if arm.is_shadow else ""
        yield "throttle", f"{bucket.identity}: {limits}"
    yield from arm.integration.items()
    yield "calls", arm.backend_request or ""
    yield "answer", arm.answer


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
