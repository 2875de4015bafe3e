"""`stagegate export`: an API made by AWS's clients as files that load back as the same API."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gateway import configuration
from gateway.cli.inputs import empty_release, load_files
from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output
from gateway.configuration.api_text import ApiText, api_text
from gateway.configuration.loaded import LoadedApi
from gateway.definitions.documentation import key_of, place_of_part
from gateway.definitions.identity import deployment_id
from gateway.definitions.rest_api import RestApi
from gateway.errors import ConfigurationError, Problem
from gateway.release.release import arms
from gateway.settings import Settings, Tls
from gateway.store.database import FILE_NAME
from gateway.store.export import StoredApi, read_api


def export(arguments: argparse.Namespace, output: Output) -> int:
    """Write an API's files below `--out`, once it is sure that they load back as what they say.

    Raises:
        ConfigurationError: there is no such API, its files would be refused, or one is in the way.
    """
    settings = settings_of(arguments)
    api = read_api(settings.data / FILE_NAME, arguments.api)
    text = api_text(
        api.api_id,
        api.stages,
        api.definitions,
        working_copy=api.working_copy,
        tags=api.tags,
        endpoint_configuration=api.endpoint_configuration,
        documentation_parts=api.documentation_parts,
    )
    _check(text, api, settings)
    directory = Path(arguments.out)
    _write(text, directory)
    for name in text.files:
        output.line(str(directory / name))
    output.problems(_notes(api, text))
    return 0


def _check(text: ApiText, api: StoredApi, settings: Settings) -> None:
    """Load the files as a gateway would, and compare."""
    api_id = api.api_id
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        # The certificates of the configuration are not there, and are nothing of an API's.
        apart = replace(settings, config=directory, tls=Tls())
        _write(text, directory)
        errors = [
            _beside(problem, directory)
            for problem in load_files(apart, empty_release(apart)).problems
            if problem.severity == "error"
        ]
        loaded = configuration.load(directory).apis.get(api_id)
    if errors:
        reason = f"the API {api_id} cannot be exported: files that say the same would be refused"
        raise ConfigurationError((Problem("", reason), *errors))
    if loaded is None or not _is_same(loaded, text, api):
        reason = f"the API {api_id} cannot be exported: its files would mean something else"
        raise ConfigurationError((Problem("", reason),))


def _is_same(loaded: LoadedApi, text: ApiText, api: StoredApi) -> bool:
    """Whether files say what was to be said: stages, their deployments, and what is not frozen."""
    places = {key_of(place_of_part(each)): each.properties for each in api.documentation_parts}
    found = {key_of(place_of_part(each)): each.properties for each in loaded.documentation_parts}
    main = loaded.deployments.get(text.main)
    return (
        loaded.stages == text.stages
        and found == places
        and (main is None or _is_described(main.definition.rest_api, api))
    )


def _is_described(rest_api: RestApi, api: StoredApi) -> bool:
    return (
        dict(rest_api.tags) == dict(api.tags)
        and rest_api.endpoint_configuration == api.endpoint_configuration
    )


def _write(text: ApiText, directory: Path) -> None:
    """Write all files; none if one of another content is in the way."""
    paths = {directory / name: content.encode() for name, content in text.files.items()}
    try:
        in_the_way = [
            Problem("", f"{path} is there already; remove it, or name another directory with --out")
            for path, content in paths.items()
            if path.exists() and not (path.is_file() and path.read_bytes() == content)
        ]
        if in_the_way:
            raise ConfigurationError(tuple(in_the_way))
        for path, content in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError((Problem("", f"cannot write {error.filename}: {error}"),)) from (
            error
        )


def _notes(api: StoredApi, text: ApiText) -> Iterable[Problem]:
    """Yield what the files do not hold."""
    served = {id_ for stage in text.stages.values() for _, id_ in arms(stage)}
    if api.stages and deployment_id(api.api_id, api.working_copy) not in served:
        yield Problem(
            "",
            "changes that no stage serves are not exported: deploy them first to keep them",
            severity="warning",
        )
    for sentence in api.left_out:
        yield Problem("", sentence, severity="warning")
    shown = {stage.client_certificate_id for stage in text.stages.values()}
    for id_ in sorted(id_ for id_ in shown if id_ is not None):
        yield Problem(
            "",
            f"the client certificate {id_} is named and not exported, for no export holds a private"
            " key: another gateway needs one of its own",
            severity="warning",
        )


def _beside(problem: Problem, directory: Path) -> Problem:
    """Return a problem without the place of a file that is gone."""
    file = problem.file and Path(problem.file).relative_to(directory).as_posix()
    return Problem(
        problem.path, problem.message, file, problem.line, problem.column, problem.severity
    )
