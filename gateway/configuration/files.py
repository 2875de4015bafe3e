"""A config directory → everything it defines. Never raises for what it finds there.

All or nothing per API: one broken file does not hold back the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.configuration.api_file import ApiFile, load_api_file
from gateway.configuration.client_certificates import load_client_certificates
from gateway.configuration.domains import load_domains
from gateway.configuration.loaded import Loaded
from gateway.configuration.reading import SUFFIXES, is_ignored
from gateway.configuration.usage import load_usage
from gateway.configuration.vpc_links import load_vpc_links
from gateway.definitions.codec import shown
from gateway.definitions.domain import DomainName
from gateway.definitions.usage_plan import UsageDefinitions
from gateway.errors import Problem

APIS: Final = "apis"
"""Directory of API files; its subdirectories hold versions, not APIs."""
DOMAINS: Final = "domains.yaml"
VPC_LINKS: Final = "vpc-links.yaml"
USAGE: Final = "usage.yaml"
API_FILES: Final = 5000
"""API files of one directory."""


LoadFile = Callable[[Path, Path], ApiFile]
"""Reads an API file, given its path and the config directory."""


def load(directory: Path, load_file: LoadFile = load_api_file) -> Loaded:
    """Read `apis/*.yaml`, `domains.yaml`, `usage.yaml`, and what connections to backends need.

    Where there is no API file, or the directory cannot be read, the result says `is_absent`.
    """
    apis_directory = directory / APIS
    try:
        paths = _api_paths(apis_directory)
    except OSError as error:
        text = f"the config directory cannot be listed: {error.strerror or error}"
        problem = Problem("", text, str(directory))
        return Loaded(directory=apis_directory, problems=(problem,), is_absent=True)
    if len(paths) > API_FILES:
        text = f"holds more than {API_FILES} API files; run several gateways"
        problem = Problem("", text, str(apis_directory))
        return Loaded(directory=apis_directory, problems=(problem,), is_absent=True)
    results = [load_file(path, directory) for path in paths if _is_text(path.name)]
    _refuse_shared_ids(results)
    broken = frozenset(result.api_id for result in results if result.api is None)
    apis = {result.api_id: result.api for result in results if result.api is not None}
    partial = {
        result.api_id: result.partial
        for result in results
        if result.api is None and result.partial is not None
    }
    files = [file for result in results for file in result.files]
    problems = [problem for result in results for problem in result.problems]
    problems += [_unnameable(path) for path in paths if not _is_text(path.name)]
    domains_path = directory / DOMAINS
    domains: tuple[DomainName, ...] | None = ()
    if os.path.lexists(domains_path):
        stages = {api_id: tuple(api.stages) for api_id, api in apis.items()}
        domains, found = load_domains(domains_path, stages, broken)
        files.append(domains_path)
        problems += found
    usage_path = directory / USAGE
    usage: UsageDefinitions | None = UsageDefinitions()
    if os.path.lexists(usage_path):
        usage, found = load_usage(usage_path, apis, broken)
        files.append(usage_path)
        problems += found
    links: Mapping[str, tuple[str, ...]] | None = {}
    links_path = directory / VPC_LINKS
    if os.path.lexists(links_path):
        links, found = load_vpc_links(links_path)
        files.append(links_path)
        problems += found
    certificates = load_client_certificates(directory)
    files += certificates.files
    problems += certificates.problems
    return Loaded(
        directory=apis_directory,
        apis=apis,
        domains=domains,
        client_certificates=certificates,
        vpc_links=links,
        usage=usage,
        problems=tuple(problems),
        files=tuple(dict.fromkeys(files)),
        partial=partial,
        broken=broken,
        broken_files=frozenset(result.file for result in results if result.api is None),
        is_absent=not paths,
    )


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8, so that logs, JSON and URLs can carry it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unnameable(path: Path) -> Problem:
    shown_name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    return Problem("", "the file's name is not UTF-8, so it is left out; rename it", shown_name)


def _api_paths(apis: Path) -> list[Path]:
    """Return the API files of a directory in order of their names; none when it is not there.

    An entry that cannot be opened, such as a link to nowhere, counts: its API did not vanish.
    """
    try:
        return sorted(
            path
            for path in apis.iterdir()
            if path.name.endswith(SUFFIXES) and not is_ignored(path.name) and not path.is_dir()
        )
    except FileNotFoundError:
        return []


def _refuse_shared_ids(results: list[ApiFile]) -> None:
    """Make every file an error whose API id another file has too."""
    by_id: dict[str, list[ApiFile]] = {}
    for result in results:
        by_id.setdefault(result.api_id, []).append(result)
    for api_id, sharing in by_id.items():
        for result in sharing if len(sharing) > 1 else ():
            others = ", ".join(each.file for each in sharing if each is not result)
            text = f"the API id {shown(api_id)} is also that of {others}; give one another id"
            result.problems.append(Problem("restApi.id", text, result.file, 1, 1))
            result.api = None
