"""The records that parts of a release are made of, and what they decode to. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.definitions import codec
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.domain import DomainName
from gateway.definitions.rest_api import Method, Resource
from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import Deployment, MethodSetting, Stage
from gateway.definitions.usage_plan import UsagePlan
from gateway.errors import ConfigurationError, Problem
from gateway.release.usage import UsageKey, key_of

UNREAD: Final = Method(operation_name="unread")
"""Stands for every method of a deployment that is held as an outline: see `frozen`."""

Record = list[Any]
"""What it is (a key of `_KINDS`), then the names it goes by, then its value."""

STORED: Final = "stored"
"""Marks a domain name that clients made: no file defines it."""

_KINDS: Final[Mapping[str, type[Any] | None]] = {
    "settings": None,
    "domain": DomainName,
    "certificate": ServedCertificate,
    "client_certificate": ClientCertificate,
    "link": None,
    "flushes": None,
    "file": None,
    "stage": Stage,
    "setting": MethodSetting,
    "buckets": None,
    "blocks": None,
    "deployment": Deployment,
    "method": Method,
    "resource": Resource,
    "plan": UsagePlan,
    "key": None,
}
"""Kinds of record, and what their values decode to; None: plain JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPart:
    """A part's content; only the fields of its kind are set."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    domains: tuple[DomainName, ...] = ()
    stored_domains: frozenset[str] = frozenset()
    certificates: Mapping[str, ServedCertificate] = field(default_factory=dict)
    client_certificates: Mapping[str, ClientCertificate] = field(default_factory=dict)
    vpc_links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stored_connections: frozenset[str] = frozenset()
    file: str | None = None
    stages: Mapping[str, Stage] = field(default_factory=dict)
    bucket_slots: Mapping[str, int] = field(default_factory=dict)
    metric_slots: Mapping[str, int] = field(default_factory=dict)
    deployment: Deployment | None = None
    plan: UsagePlan | None = None
    is_of_file: bool = False
    """Whether a file defines the plan."""
    keys: Mapping[str, UsageKey] = field(default_factory=dict)
    cache_flushes: Mapping[str, int] = field(default_factory=dict)


class Decoder:
    """Collects a part's records."""

    __slots__ = ("_found", "_problems")

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._found: dict[str, list[tuple[list[Any], Any]]] = {kind: [] for kind in _KINDS}

    def take(self, record: Record, path: str) -> None:
        """Decode one record; what is wrong with it goes to the problems."""
        kind, *names, value = record
        if kind not in _KINDS:
            self._problems.append(Problem(path, f"holds a record of an unknown kind, {kind!r}"))
            return
        class_ = _KINDS[kind]
        if class_ is not None:
            value = codec.decode(class_, value, problems=self._problems, path=path)
        if kind == "resource" and value is not None:
            value = self._with_methods(value, *names)
        elif kind == "key":
            value = self._key(path, value, *names)
        if value is not None:
            self._found[kind].append((names, value))

    def _key(self, path: str, value: Any, digest: str) -> UsageKey | None:
        try:
            return key_of(digest, value)
        except ValueError as error:
            self._problems.append(Problem(path, str(error)))
            return None

    def _with_methods(self, resource: Resource, numbered: Mapping[str, int]) -> Resource | None:
        """Put in the methods, which came before: resources with equal ones share them."""
        found = self._found["method"]
        if not all(0 <= number < len(found) for number in numbered.values()):
            self._problems.append(Problem(resource.path, "refers to a method that is not there"))
            return None
        methods = {http_method: found[number][1] for http_method, number in numbered.items()}
        return replace(resource, methods=methods)

    def part(self) -> DecodedPart:
        """Return what was collected."""
        found = self._found
        settings: dict[str, dict[str, MethodSetting]] = {}
        for (stage_name, method_key), setting in found["setting"]:
            settings.setdefault(stage_name, {})[method_key] = setting
        return DecodedPart(
            settings=_merged(found["settings"]),
            domains=tuple(domain for _, domain in found["domain"]),
            stored_domains=frozenset(
                domain.domain_name for marks, domain in found["domain"] if STORED in marks
            ),
            certificates={each.domain_name: each for _, each in found["certificate"]},
            client_certificates={
                certificate.client_certificate_id: certificate
                for _, certificate in found["client_certificate"]
            },
            vpc_links={id_: tuple(targets) for (id_, *_), targets in found["link"]},
            stored_connections=frozenset(
                [each.client_certificate_id for mark, each in found["client_certificate"] if mark]
                + [id_ for (id_, *mark), _ in found["link"] if mark]
            ),
            file=next((file for _, file in found["file"]), None),
            stages={
                name: replace(stage, method_settings=settings.get(name, {}))
                for (name,), stage in found["stage"]
            },
            bucket_slots=_merged(found["buckets"]),
            metric_slots=_merged(found["blocks"]),
            cache_flushes=_merged(found["flushes"]),
            deployment=self._deployment(),
            plan=next((plan for _, plan in found["plan"]), None),
            is_of_file=any(is_of_file for (is_of_file,), _ in found["plan"]),
            keys={digest: key for (digest,), key in found["key"]},
        )

    def _deployment(self) -> Deployment | None:
        resources = tuple(resource for _, resource in self._found["resource"])
        for _, deployment in self._found["deployment"]:
            definition = replace(deployment.definition, resources=resources)
            return replace(deployment, definition=definition)  # type: ignore[no-any-return]
        return None


def _merged(found: Iterable[tuple[list[str], Mapping[str, Any]]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for _, values in found:
        merged.update(values)
    return merged


@contextmanager
def fitting(path: str) -> Iterator[None]:
    """Say of JSON of another shape that it does not fit."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        problem = Problem(path, f"does not fit this version: {error!r}")
        raise ConfigurationError((problem,)) from error
