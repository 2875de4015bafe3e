"""One API file → its stages and deployments, all or nothing.

The file's shape is AWS's, without what AWS generates: resources by path, methods by HTTP method,
stages by name, and `definition: FILE` in place of deployment ids.
"""

from __future__ import annotations

import contextlib
import dataclasses
import marshal
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.configuration import documentation_parts
from gateway.configuration.loaded import LoadedApi, Placement, bounded
from gateway.configuration.reading import SUFFIXES, read_source
from gateway.definitions import codec
from gateway.definitions.authorizer import Authorizer
from gateway.definitions.codec import join, shown
from gateway.definitions.identity import deployment_id
from gateway.definitions.method_settings import materialise
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import METHODS, ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import CanarySettings, Deployment, Stage
from gateway.definitions.stage_validation import problems_of_stage
from gateway.definitions.validation import (
    errors_in,
    problem_of_api_id,
    problem_of_http_method,
    problems_of,
)
from gateway.definitions.validators import Model, RequestValidator
from gateway.errors import Problem

_PARTS: Final[Mapping[str, tuple[type, str]]] = {
    "gatewayResponses": (GatewayResponse, "responseType"),
    "models": (Model, "name"),
    "requestValidators": (RequestValidator, "id"),
    "authorizers": (Authorizer, "id"),
}
"""Maps of a definition: what they hold, and the member of it that repeats the key in AWS's JSON."""
_DEFINITION_KEYS: Final = ("restApi", "resources", *_PARTS)
_API_KEYS: Final = (*_DEFINITION_KEYS, documentation_parts.KEY, "stages")
_DEFINITION_TEXT: Final = (
    "must be the path of a .yaml file inside the config directory, relative to this file, such as "
    "versions/petstore-next.yaml"
)


@dataclass(slots=True, kw_only=True)
class ApiFile:
    """What reading one API file gave."""

    api_id: str
    """The id as far as the file tells it."""
    file: str
    """Its path, as problems show it."""
    api: LoadedApi | None = None
    """None: it has an error."""
    partial: LoadedApi | None = None
    """With an error: what could be read all the same; None where that is nothing."""
    problems: list[Problem] = field(default_factory=list)
    """Errors and warnings, in it and in the files it names."""
    files: list[Path] = field(default_factory=list)
    """The file and those it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """A definition and where it was read."""

    definition: ApiDefinition | None
    """Without what could not be read; None where that is everything."""
    is_whole: bool
    """Whether it has no error."""
    placement: Placement


def load_api_file(path: Path, directory: Path) -> ApiFile:
    """Read an API file in a config directory, with the definitions that its stages name."""
    result = _Reader(path, directory).read()
    result.problems = bounded(result.problems, result.file)
    return result


class _Reader:
    """Reads one API file; lives for one call of `load_api_file`."""

    def __init__(self, path: Path, directory: Path) -> None:
        self._path = path
        self._directory = directory
        self._result = ApiFile(api_id=path.stem, file=str(path))
        self._rest_api: RestApi | None = None
        self._versions: dict[Path, _Version] = {}
        self._deployments: dict[str, Deployment] = {}
        self._sources: dict[str, Placement] = {}

    def read(self) -> ApiFile:
        """Return everything that the file says, or everything that is wrong with it."""
        result = self._result
        value, placement = self._source(self._path, _API_KEYS)
        if value is None:
            return result
        problems: list[Problem] = []
        self._rest_api = self._decode_rest_api(value.get("restApi"), problems)
        raw_stages = _members(value.get("stages"), "stages", problems)
        main: _Version | None = None
        if "resources" in value or not raw_stages or any(map(_uses_main, raw_stages.values())):
            main = self._decode_definition(value, self._rest_api, placement, problems)
        stages = {name: self._stage(name, raw, main, problems) for name, raw in raw_stages.items()}
        parts = documentation_parts.decode_parts(value.get(documentation_parts.KEY), problems)
        if not stages and all(problem.path != "stages" for problem in problems):
            text = "no stage is defined, so nothing is served; add one, such as stages: {prod: {}}"
            problems.append(Problem("stages", text, severity="warning"))
        result.problems += [placement.place(problem) for problem in problems]
        loaded = LoadedApi(
            api_id=result.api_id,
            stages={name: stage for name, stage in stages.items() if stage is not None},
            deployments=self._deployments,
            placement=placement,
            sources=self._sources,
            documentation_parts=parts,
        )
        if errors_in(result.problems):
            result.partial = loaded
        else:
            result.api = loaded
        return result

    def _source(
        self, path: Path, keys: tuple[str, ...]
    ) -> tuple[Mapping[str, Any] | None, Placement]:
        self._result.files.append(path)
        source = read_source(path)
        placement = Placement(file=str(path), positions=source.positions)
        problems = list(source.problems)
        value = source.value if isinstance(source.value, dict) else None
        if value is None and not problems:
            text = f"is empty or no mapping; it holds {', '.join(keys)}"
            problems.append(Problem("", text))
        for key in value or {}:
            if key not in keys:
                problems.append(codec.unknown_key(key, keys, key, after=problems))
        self._result.problems += [placement.place(problem) for problem in problems]
        return value, placement

    def _decode_rest_api(self, value: object, problems: list[Problem]) -> RestApi | None:
        """Decode `restApi`, whose name and id default to the file's."""
        raw = {} if value is None else value
        if isinstance(raw, Mapping):
            if isinstance(raw.get("id"), str):
                self._result.api_id = raw["id"]
            api_id = self._result.api_id
            raw = {"name": api_id, **raw, "id": api_id}
            if problem := problem_of_api_id(api_id, "restApi.id"):
                hint = "rename the file, or add restApi: {id: …}"
                problems.append(dataclasses.replace(problem, message=f"{problem.message}; {hint}"))
        return codec.decode(RestApi, raw, problems=problems, path="restApi")

    def _decode_definition(
        self,
        value: Mapping[str, Any],
        rest_api: RestApi | None,
        placement: Placement,
        problems: list[Problem],
    ) -> _Version:
        """Decode and check a definition."""
        found: list[Problem] = []
        raw = _members(value.get("resources"), "resources", found)
        known: _Methods = {}
        resources = tuple(_decode_resource(path, raw[path], known, found) for path in sorted(raw))
        parts = {key: _decode_part(key, value.get(key), found) for key in _PARTS}
        definition = ApiDefinition(
            # A name that cannot be read is reported already; the rest is still checked.
            rest_api=rest_api or RestApi(name=self._result.api_id),
            resources=resources,
            gateway_responses=parts["gatewayResponses"],
            models=parts["models"],
            request_validators=parts["requestValidators"],
            authorizers=parts["authorizers"],
        )
        is_decoded = not found
        # The id is checked where it is chosen, also for versions.
        seen = {"restApi.id", *(problem.path for problem in found)}
        # What could not be decoded is absent here: its absence is not worth a second message.
        found += [
            problem
            for problem in problems_of(definition)
            if problem.path not in seen and (is_decoded or problem.path != "resources")
        ]
        problems.extend(found)
        is_whole = rest_api is not None and not errors_in(found)
        return _Version(definition=definition, is_whole=is_whole, placement=placement)

    def _stage(
        self, name: str, value: object, main: _Version | None, problems: list[Problem]
    ) -> Stage | None:
        path = join("stages", name)
        raw = dict(_members(value, path, problems))
        found: list[Problem] = []
        version = self._version_of(raw, path, main, found)
        canary_raw = raw.get("canarySettings")
        canary_version = version
        if isinstance(canary_raw, Mapping):
            raw["canarySettings"] = canary_raw = dict(canary_raw)
            here = join(path, "canarySettings")
            canary_version = self._version_of(canary_raw, here, version, found)
            _refuse_unknown(canary_raw, CanarySettings, here, found)
        raw_settings = _members(
            raw.pop("methodSettings", None), join(path, "methodSettings"), found
        )
        settings = materialise(raw_settings, join(path, "methodSettings"), found)
        raw = _without_repeated(raw, "stageName", name)
        if raw.get("stageName") is not None:
            text = f"must be {shown(name)} like the key it stands under, or be left out"
            found.append(Problem(join(path, "stageName"), text))
        _refuse_unknown(raw, Stage, path, found)
        stage = codec.decode(Stage, raw, problems=found, path=path)
        problems.extend(found)
        if stage is None:
            return None
        canary = stage.canary_settings
        if canary is not None:
            canary = dataclasses.replace(canary, deployment_id=self._deploy(canary_version))
        stage = dataclasses.replace(
            stage,
            stage_name=name,
            deployment_id=self._deploy(version),
            canary_settings=canary,
            method_settings=settings,
        )
        definitions = [
            each.definition
            for each in (version, canary_version)
            if each is not None and each.definition is not None and each.is_whole
        ]
        for problem in problems_of_stage(stage, definitions, path):
            # A key may name a method that has an error: then it is no news that it is unknown.
            if problem.severity == "error" or (definitions and not errors_in(problems)):
                problems.append(problem)
        return stage

    def _version_of(
        self, raw: dict[str, Any], path: str, default: _Version | None, problems: list[Problem]
    ) -> _Version | None:
        """Take `definition` out of a stage or canary and return what it names, else the default."""
        if raw.pop("deploymentId", None) is not None:
            text = "deployments made from files have no id to choose; write definition: FILE"
            problems.append(Problem(join(path, "deploymentId"), text))
        named = raw.pop("definition", None)
        if named is None:
            return default
        here = join(path, "definition")
        file = self._inside(named) if isinstance(named, str) else None
        if file is None:
            problems.append(Problem(here, f"{_DEFINITION_TEXT}, not {shown(str(named))}"))
            return None
        if file not in self._versions:
            self._versions[file] = self._read_version(file)
        return self._versions[file]

    def _inside(self, named: str) -> Path | None:
        """Return the file that `definition` names, or None if it is not inside the directory."""
        if posixpath.isabs(named) or "\0" in named or not named.endswith(SUFFIXES):
            return None
        parent = self._path.parent.relative_to(self._directory)
        inside = posixpath.normpath(posixpath.join(parent.as_posix(), named))
        if inside.split("/", maxsplit=1)[0] == "..":
            return None
        return self._directory / inside

    def _read_version(self, file: Path) -> _Version:
        value, placement = self._source(file, _DEFINITION_KEYS)
        if value is None:
            return _Version(definition=None, is_whole=False, placement=placement)
        problems: list[Problem] = []
        rest_api = self._rest_api
        if isinstance(raw := value.get("restApi"), Mapping):
            api_id = self._result.api_id
            raw = {"name": api_id, **_without_repeated(raw, "id", api_id)}
            decoded = codec.decode(RestApi, raw, problems=problems, path="restApi")
            if raw.get("id") is not None:
                text = f"must be {shown(api_id)}, the id of the API that this is a version of"
                problems.append(Problem("restApi.id", f"{text}, or be left out"))
            rest_api = decoded and dataclasses.replace(decoded, id=api_id)
        elif raw is not None:
            codec.decode(RestApi, raw, problems=problems, path="restApi")
        version = self._decode_definition(value, rest_api, placement, problems)
        self._result.problems += [placement.place(problem) for problem in problems]
        return version

    def _deploy(self, version: _Version | None) -> str:
        """Return the id of a version's deployment; empty when nothing of it could be read."""
        if version is None or version.definition is None:
            return ""
        api_id = self._result.api_id
        id_ = deployment_id(api_id, version.definition)
        if id_ not in self._deployments:
            self._deployments[id_] = Deployment(
                id=id_, api_id=api_id, definition=version.definition
            )
            self._sources[id_] = version.placement
        return id_


_Methods = dict[bytes, Method]
"""Methods by what was written of them: those that are written alike are one object."""


def _decode_resource(
    path: str, value: object, known: _Methods, problems: list[Problem]
) -> Resource:
    """Decode a resource's methods; those with errors are left out."""
    here = join("resources", path)
    methods: dict[str, Method] = {}
    members = dict(_members(value, here, problems))
    id_ = members.pop("id", None)
    if id_ is not None and not isinstance(id_, str):
        problems.append(Problem(join(here, "id"), "must be text; put it in quotes"))
        id_ = None
    for http_method, raw in members.items():
        below = join(here, http_method)
        if problem := problem_of_http_method(http_method, below, after=problems):
            problems.append(problem)
            continue
        raw_method = _without_repeated({} if raw is None else raw, "httpMethod", http_method)
        written = _as_written(raw_method)
        method = known.get(written)
        if method is None:
            method = codec.decode(Method, raw_method, problems=problems, path=below)
        if method is not None:
            if written:
                known[written] = method
            methods[http_method] = method
    ordered = {each: methods[each] for each in METHODS if each in methods}
    return Resource(path=path, id=id_ or "", methods=ordered)


def _as_written(raw: object) -> bytes:
    """Return bytes that are equal for values that are equal in all, types and order included.

    Empty for a number that remembers how it was written, which these bytes could not tell.
    """
    try:
        # The first version: later ones tell values apart that are the same object.
        return marshal.dumps(raw, 0)  # type: ignore[arg-type]
    except ValueError:
        return b""


def _decode_part(key: str, value: object, problems: list[Problem]) -> dict[str, Any]:
    """Decode a map such as `models`; what has errors is left out, unless its name is worth a check.

    A model's schema may be written as YAML instead of text.
    """
    cls, repeated = _PARTS[key]
    decoded: dict[str, Any] = {}
    for name, raw in _members(value, key, problems).items():
        each = _without_repeated({} if raw is None else raw, repeated, name)
        if cls is Model and isinstance(each, Mapping) and isinstance(each.get("schema"), Mapping):
            # What JSON cannot say stays as it is: it is reported as no text.
            with contextlib.suppress(TypeError):
                each = {**each, "schema": orjson.dumps(each["schema"]).decode()}
        part = codec.decode(cls, each, problems=problems, path=join(key, name))
        if part is not None:
            decoded[name] = part
        elif cls is GatewayResponse:
            decoded[name] = GatewayResponse()
    return decoded


def _members(value: object, path: str, problems: list[Problem]) -> Mapping[str, Any]:
    """Return a mapping's members; nothing written counts as none."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    problems.append(Problem(path, "must be a mapping; indent its members below it"))
    return {}


def _without_repeated(value: Any, name: str, text: str) -> Any:
    """Drop a member that repeats what its key says; one that contradicts it stays."""
    if isinstance(value, Mapping) and value.get(name) == text:
        return {key: each for key, each in value.items() if key != name}
    return value


def _refuse_unknown(raw: dict[str, Any], cls: type, path: str, problems: list[Problem]) -> None:
    """Take out keys that mean nothing, suggesting `definition` too, which the codec cannot know."""
    known = ["definition", "methodSettings", *codec.known_names(cls)]
    known = [name for name in dict.fromkeys(known) if name != "deploymentId"]
    for key in [key for key in raw if key not in known]:
        del raw[key]
        problems.append(codec.unknown_key(key, known, join(path, key), after=problems))


def _uses_main(stage: object) -> bool:
    """Return whether a stage serves the API file's own definition."""
    return not (isinstance(stage, Mapping) and stage.get("definition") is not None)
