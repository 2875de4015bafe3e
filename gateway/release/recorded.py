"""Deployments as workers hold them: read as far as routing needs it. Pure: no I/O.

Where its methods are is read at once, what one does when it is called first: of thousands that a
release changes, most are not called before the next release.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Final, TypeVar

import orjson

from gateway.definitions import codec
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.stage import Deployment
from gateway.errors import ConfigurationError, Problem
from gateway.release.parts import Part
from gateway.release.records import Record, fitting

T = TypeVar("T")

_COMPARED_AT_A_TIME: Final = 256

_OF_A_RESOURCE: Final = frozenset({"path", "id"})
"""The members of a resource in a record, where its methods stand beside it."""


class RecordedDeployment:
    """A deployment whose methods are text until they are read, each in the place of its index."""

    __slots__ = ("_ids", "_numbers", "_paths", "_texts", "_unread", "_verbs", "deployment")

    def __init__(self, deployment: Deployment) -> None:
        """Begin without methods; `deployment` is all but its resources."""
        self.deployment = deployment
        self._paths: list[str] = []
        self._ids: list[str] = []
        """Of resources that clients made; empty: it follows from the path."""
        self._verbs: list[str] = []
        self._numbers = array("I")
        """Into `_texts`: equal methods have one text."""
        self._texts: list[bytes] = []
        self._unread = array("I")
        """For each text, how many of its methods are still to be read: then it is forgotten."""

    def __repr__(self) -> str:
        return f"<RecordedDeployment {self.deployment.id}, {len(self)} methods>"

    def __len__(self) -> int:
        return len(self._paths)

    def add_text(self, method: object) -> None:
        """Take a method, as AWS's JSON, to which resources that come later refer."""
        # Copied: orjson's own bytes keep the 4 KiB or more that they were written into.
        self._texts.append(bytes(memoryview(orjson.dumps(method))))
        self._unread.append(0)

    def add(self, path: str, id_: str, numbered: Mapping[str, int]) -> None:
        """Take a resource by path and id, and the numbers of its methods' texts by HTTP method.

        Raises:
            IndexError: there is no such text.
        """
        for verb, number in numbered.items():
            if not 0 <= number < len(self._texts):
                raise IndexError(f"there is no method {number}")
            self._unread[number] += 1
            self._numbers.append(number)
            self._paths.append(path)
            self._ids.append(id_)
            self._verbs.append(verb)

    def places(self) -> Iterator[tuple[str, str]]:
        """Yield path and HTTP method (or ANY) of each method, in the order of their indices."""
        return zip(self._paths, self._verbs, strict=True)

    def share_places(self, other: RecordedDeployment) -> Generator[None, None, bool]:
        """Whether another has the same methods in the same order; then both keep one list of them.

        Yields after every few hundred.
        """
        if len(self) != len(other):
            return False
        for start in range(0, len(self), _COMPARED_AT_A_TIME):
            few = slice(start, start + _COMPARED_AT_A_TIME)
            if self._paths[few] != other._paths[few] or self._verbs[few] != other._verbs[few]:
                return False
            yield
        self._paths, self._verbs = other._paths, other._verbs
        return True

    def number(self, index: int) -> int:
        """Return what equal methods have in common."""
        return self._numbers[index]

    def resource(self, index: int) -> tuple[Resource, str]:
        """Return a method's resource, without methods, and its HTTP method."""
        return Resource(path=self._paths[index], id=self._ids[index]), self._verbs[index]

    def method(self, index: int) -> Method:
        """Return a method.

        Raises:
            ConfigurationError: it does not fit this version of Stagegate.
        """
        path = f"resources.{self._paths[index]}.{self._verbs[index]}"
        problems: list[Problem] = []
        value = orjson.loads(self._texts[self._numbers[index]])
        method = codec.decode(Method, value, problems=problems, path=path)
        if method is None:
            raise ConfigurationError(tuple(problems))
        return method

    def pieces(self) -> Iterator[object]:
        """Yield what there are many of, but for paths: to free it piecemeal.

        Paths are the routes', too, and may be those of another deployment.
        """
        yield from self._texts
        yield from self._ids

    def forget(self, index: int) -> None:
        """Let go of a method that is not read again; call it once for each."""
        number = self._numbers[index]
        self._unread[number] -= 1
        if not self._unread[number]:
            self._texts[number] = b""


def read_deployment(part: Part) -> Generator[None, None, RecordedDeployment]:
    """Read a deployment's part, yielding after every record so that the caller may pause.

    Raises:
        ConfigurationError: it does not fit this version of Stagegate.
    """
    recorded: RecordedDeployment | None = None
    for frame in part.frames:
        with fitting(part.key):
            for record in orjson.loads(frame):
                recorded = _take(recorded, record, part.key)
                yield
    if recorded is None:
        raise ConfigurationError((Problem(part.key, "holds no deployment"),))
    return recorded


def unreadable(deployment_id: str) -> RecordedDeployment:
    """Return what is served in place of a deployment that cannot be read: 500 on every path."""
    definition = ApiDefinition(rest_api=RestApi(name=""))
    recorded = RecordedDeployment(Deployment(id=deployment_id, api_id="", definition=definition))
    # Without an integration, which is never served open.
    recorded.add_text({})
    for path in ("/", "/{proxy+}"):
        recorded.add(path, "", {"ANY": 0})
    return recorded


def _take(
    recorded: RecordedDeployment | None, record: Record, path: str
) -> RecordedDeployment | None:
    """Take one record; the deployment's own comes first."""
    kind, *names, value = record
    if recorded is None and kind == "deployment":
        return RecordedDeployment(_decoded(Deployment, value, path))
    if recorded is None or kind not in {"method", "resource"}:
        raise ConfigurationError((Problem(path, f"holds a record out of place, {kind!r}"),))
    if kind == "method":
        recorded.add_text(value)
    else:
        recorded.add(*_place_of(value, path), *names)
    return recorded


def _place_of(resource: dict[str, Any], path: str) -> tuple[str, str]:
    """Return a resource's path and id."""
    found, id_ = resource["path"], resource.get("id", "")
    if type(found) is str and type(id_) is str and resource.keys() <= _OF_A_RESOURCE:
        # As nearly all are: what follows takes four times as long, for each resource.
        return found, id_
    decoded = _decoded(Resource, resource, path)
    return decoded.path, decoded.id


def _decoded(class_: type[T], value: object, path: str) -> T:
    problems: list[Problem] = []
    decoded = codec.decode(class_, value, problems=problems, path=path)
    if decoded is None:
        raise ConfigurationError(tuple(problems))
    return decoded
