"""An API as files: the counterpart of `api_file`, which reads them back as the same API.

The definition that most stages serve stands in the API's own file; every other one that a stage or
a canary serves is a file under `versions/`, named by its content.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.configuration.documentation_parts import KEY as DOCUMENTATION_PARTS
from gateway.configuration.documentation_parts import encode_parts
from gateway.configuration.yaml_text import yaml_text
from gateway.definitions import codec
from gateway.definitions.documentation import DocumentationPart
from gateway.definitions.identity import deployment_id
from gateway.definitions.method_settings import ALL_METHODS
from gateway.definitions.rest_api import ApiDefinition, EndpointConfiguration, RestApi
from gateway.definitions.stage import MethodSetting, Stage


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApiText:
    """An API written as files, and what reading them must give."""

    files: Mapping[str, str]
    """Path below the config directory to content."""
    stages: Mapping[str, Stage]
    """Stages by name, as they are loaded: with the ids that deployments of files have."""
    main: str
    """Id of the deployment that the API's own file makes; empty: there are no stages."""


def api_text(
    api_id: str,
    stages: Mapping[str, Stage],
    definitions: Mapping[str, ApiDefinition],
    *,
    working_copy: ApiDefinition,
    tags: Mapping[str, str],
    endpoint_configuration: EndpointConfiguration | None = None,
    documentation_parts: Sequence[DocumentationPart] = (),
) -> ApiText:
    """Write an API as files.

    Args:
        api_id: Its id, and the file's name.
        stages: Its stages by name.
        definitions: Deployment id to definition, of every deployment that a stage or canary names.
        working_copy: What the file holds when there are no stages.
        tags: The API's tags.
        endpoint_configuration: That of the API; None: what files have by themselves.
        documentation_parts: What is said about its parts.
    """

    def completed(rest_api: RestApi) -> RestApi:
        # What no deployment freezes.
        return dataclasses.replace(
            rest_api, tags=tags, endpoint_configuration=endpoint_configuration
        )

    parts = encode_parts(documentation_parts)
    return _Writer(api_id, definitions).write(stages, working_copy, completed, parts)


class _Writer:
    """Writes one API; lives for one call."""

    def __init__(self, api_id: str, definitions: Mapping[str, ApiDefinition]) -> None:
        self._api_id = api_id
        self._contents = {
            id_: deployment_id(api_id, definition) for id_, definition in definitions.items()
        }
        """Deployment id to the id that its content has in files."""
        self._by_content = {self._contents[id_]: each for id_, each in definitions.items()}
        self._files: dict[str, str] = {}

    def write(
        self,
        stages: Mapping[str, Stage],
        working_copy: ApiDefinition,
        completed: Callable[[RestApi], RestApi],
        parts: list[dict[str, Any]],
    ) -> ApiText:
        loaded = {name: self._loaded(stage) for name, stage in stages.items()}
        served = [stage.deployment_id for stage in loaded.values()]
        main = max(served, key=served.count) if served else ""
        definition = self._by_content.get(main, working_copy)
        rest_api = completed(definition.rest_api)
        content = _definition(dataclasses.replace(definition, rest_api=rest_api))
        if parts:
            content[DOCUMENTATION_PARTS] = parts
        if loaded:
            content["stages"] = {name: self._stage(each, main) for name, each in loaded.items()}
        files = {f"apis/{self._api_id}.yaml": yaml_text(content), **self._files}
        return ApiText(files=files, stages=loaded, main=main)

    def _loaded(self, stage: Stage) -> Stage:
        """Return a stage as it will be read: deployments go by their content."""
        base = self._contents[stage.deployment_id]
        canary = stage.canary_settings
        if canary is not None:
            id_ = self._contents[canary.deployment_id] if canary.deployment_id else base
            canary = dataclasses.replace(canary, deployment_id=id_)
        return dataclasses.replace(stage, deployment_id=base, canary_settings=canary)

    def _stage(self, stage: Stage, main: str) -> dict[str, Any]:
        told: dict[str, Any] = codec.encode(
            dataclasses.replace(stage, method_settings={}), without_defaults=True
        )
        del told["stageName"], told["deploymentId"]
        if stage.deployment_id != main:
            told["definition"] = self._version(stage.deployment_id)
        canary = stage.canary_settings
        if canary is not None:
            told["canarySettings"].pop("deploymentId", None)
            if canary.deployment_id != stage.deployment_id:
                told["canarySettings"]["definition"] = self._version(canary.deployment_id)
        if stage.method_settings:
            told["methodSettings"] = _settings(stage.method_settings)
        return told

    def _version(self, content_id: str) -> str:
        """Write a definition under `versions/`, and return how the API's file names it."""
        name = f"versions/{self._api_id}-{content_id}.yaml"
        content = _definition(self._by_content[content_id])
        content["restApi"].pop("id", None)
        self._files[f"apis/{name}"] = yaml_text(content)
        return name


def _definition(definition: ApiDefinition) -> dict[str, Any]:
    """Return a definition as a file holds it: resources by path, their methods by verb."""
    told: dict[str, Any] = codec.encode(definition, without_defaults=True)
    resources: dict[str, Any] = {}
    for resource in told.pop("resources", ()):
        id_ = {"id": resource["id"]} if "id" in resource else {}
        resources[resource["path"]] = {**id_, **resource.get("methods", {})}
    return {"restApi": told.pop("restApi"), "resources": resources, **told}


def _settings(settings: Mapping[str, MethodSetting]) -> dict[str, Any]:
    """Return method settings as files hold them: each says how it differs from `*/*`."""
    told: dict[str, Any] = {}
    for key in sorted(settings, key=lambda key: (key != ALL_METHODS, key)):
        start = MethodSetting() if key == ALL_METHODS else settings.get(ALL_METHODS)
        same = codec.encode(start or MethodSetting())
        own = codec.encode(settings[key])
        told[key] = {name: value for name, value in own.items() if same.get(name) != value}
    return told
