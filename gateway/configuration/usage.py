"""`usage.yaml` → usage plans and API keys, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gateway.configuration.loaded import LoadedApi, Placement, bounded
from gateway.configuration.reading import read_source
from gateway.definitions import codec
from gateway.definitions.codec import join, shown, suggestion
from gateway.definitions.usage_plan import ApiStage, UsageDefinitions
from gateway.definitions.usage_validation import complete
from gateway.definitions.validation import errors_in
from gateway.errors import Problem


def load_usage(
    path: Path, apis: Mapping[str, LoadedApi], broken: Collection[str]
) -> tuple[UsageDefinitions | None, list[Problem]]:
    """Read usage plans and keys; None with problems when there is an error.

    `apis`: those of files, without errors; `broken`: ids of the others, which may be referred to.
    """
    source = read_source(path)
    placement = Placement(file=str(path), positions=source.positions)
    problems = list(source.problems)
    usage: UsageDefinitions | None = UsageDefinitions()
    if source.value is not None:
        usage = codec.decode(UsageDefinitions, source.value, problems=problems)
    if usage is not None:
        usage = complete(usage, problems)
        for id_, plan in usage.usage_plans.items():
            here = join(join("usagePlans", id_), "apiStages")
            for index, api_stage in enumerate(plan.api_stages):
                problems += _problems_of(api_stage, apis, broken, f"{here}[{index}]")
    placed = [placement.place(problem) for problem in problems]
    return (None if errors_in(placed) else usage), bounded(placed, str(path))


def _problems_of(
    api_stage: ApiStage, apis: Mapping[str, LoadedApi], broken: Collection[str], path: str
) -> Iterator[Problem]:
    """Yield what is wrong with the stage that a plan names, and with its methods."""
    api_id, stage_name = api_stage.api_id, api_stage.stage
    if api_id in broken:
        text = f"the API {shown(api_id)} has errors: its last good form is used, if there is one"
        yield Problem(join(path, "apiId"), text, severity="warning")
        return
    if api_id not in apis:
        hint = suggestion(api_id, apis) if apis else "there is no API at all"
        yield Problem(
            join(path, "apiId"), f"Invalid API identifier specified: {shown(api_id)}; {hint}"
        )
        return
    api = apis[api_id]
    if stage_name not in api.stages:
        hint = suggestion(stage_name, api.stages) if api.stages else "it has none"
        text = f"Invalid stage identifier specified: {shown(stage_name)} is no stage of {api_id}"
        yield Problem(join(path, "stage"), f"{text}; {hint}")
        return
    keyed = _methods(api)
    for key in api_stage.throttle:
        here = join(join(path, "throttle"), key)
        if key not in keyed:
            text = "no deployed method has this key, so the entry acts on nothing"
            hint = suggestion(key, keyed) if keyed else "there is none"
            yield Problem(here, f"{text}; {hint}", severity="warning")
        elif not keyed[key]:
            text = "the method does not say apiKeyRequired, so the entry acts on nothing"
            yield Problem(here, text, severity="warning")
    if not any(keyed.values()):
        text = f"no method of {api_id} says apiKeyRequired: the plan acts on nothing there"
        yield Problem(path, text, severity="warning")


def _methods(api: LoadedApi) -> dict[str, bool]:
    """Return the methods of an API's deployments by key, and whether they require an API key."""
    methods: dict[str, bool] = {}
    for deployment in api.deployments.values():
        for resource in deployment.definition.resources:
            for http_method, method in resource.methods.items():
                key = f"{resource.path}/{http_method}"
                methods[key] = methods.get(key, False) or method.api_key_required
    return methods
