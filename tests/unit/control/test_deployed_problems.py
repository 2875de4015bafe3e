from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from gateway.control import deployed_problems
from gateway.control.deployed_problems import DeployedProblems
from gateway.definitions.domain import DomainName, SecurityPolicy
from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, AuthorizationType, Method, Resource, RestApi
from gateway.definitions.stage import Deployment
from gateway.release.encode import encode_deployment
from gateway.release.parts import Part
from gateway.server.tasks import running
from gateway.store.served import ServedApi

MOCK = Integration(type=IntegrationType.MOCK)


class Bench:
    """Deployments by id, and what is told of them."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.asked: list[str] = []
        self.deployed = DeployedProblems(self._part_of)

    def _part_of(self, id_: str) -> Part | None:
        self.asked.append(id_)
        return self.parts.get(id_)

    def add(self, id_: str, *, closed: int = 0) -> None:
        """Add a deployment with one method, and so many that ask for an API key."""
        keyed = Method(authorization_type=AuthorizationType.AWS_IAM, integration=MOCK)
        paths = {"/": Method(integration=MOCK), **{f"/{each}": keyed for each in range(closed)}}
        resources = tuple(
            Resource(path=path, methods={"GET": method}) for path, method in paths.items()
        )
        definition = ApiDefinition(rest_api=RestApi(name="pets"), resources=resources)
        self.parts[id_] = encode_deployment(Deployment(id=id_, api_id="a", definition=definition))

    async def serve(self, api_id: str, *ids: str) -> None:
        served = ServedApi(stages={}, deployment_ids=frozenset(ids), deployments={})
        self.deployed.note_apis({api_id: served if ids else None})
        await self.settled()

    async def settled(self) -> None:
        while waiting := [each for each in running() if "stored deployments" in each.get_name()]:
            await asyncio.wait(waiting)

    def told(self, *files: str) -> list[str]:
        problems, left_out = self.deployed.problems(files)
        assert left_out == 0
        return [each.owner for each in problems]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.deployed.close()


async def test_a_deployment_is_checked_and_logged_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.add("d1", closed=5)
    await bench.serve("a", "d1")
    await bench.serve("a", "d1")

    assert bench.told() == ["API a, deployment d1"] * 5
    assert bench.asked == ["d1"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "API a, deployment d1: resources./0.GET.authorizationType: authorizationType AWS_IAM is "
        "not enforced yet"
    )
    assert record.getMessage().endswith("; and 2 more: see stagegate status")


async def test_what_is_served_whole_is_not_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.add("d1")
    await bench.serve("a", "d1")

    assert bench.told() == []
    assert caplog.records == []
    assert repr(bench.deployed) == "<DeployedProblems 1 checked, 0 waiting>"


async def test_what_is_served_no_more_is_forgotten(bench: Bench) -> None:
    bench.add("d1", closed=1)
    bench.add("d2")
    await bench.serve("a", "d1", "d2")
    await bench.serve("a", "d2")
    assert bench.told() == []
    await bench.serve("a")

    assert repr(bench.deployed) == "<DeployedProblems 0 checked, 0 waiting>"


async def test_a_deployment_that_has_gone_is_not_waited_for(bench: Bench) -> None:
    await bench.serve("a", "gone")

    assert bench.told() == []
    assert repr(bench.deployed) == "<DeployedProblems 0 checked, 0 waiting>"


async def test_a_deployment_that_cannot_be_read_is_told(bench: Bench) -> None:
    bench.parts["d1"] = Part("deployment/d1", "", (b'[["unheard of", {}]]',))
    await bench.serve("a", "d1")

    assert bench.told() == ["API a, deployment d1"]


async def test_an_api_behind_a_file_is_not_told(bench: Bench) -> None:
    bench.add("d1", closed=1)
    await bench.serve("a", "d1")

    assert bench.told("a") == []


async def test_what_is_told_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed_problems, "TOLD", 25)
    bench.add("d1", closed=22)
    bench.add("d2", closed=7)
    await bench.serve("a", "d1")
    await bench.serve("b", "d2")

    problems, left_out = bench.deployed.problems(())
    assert (len(problems), left_out) == (25, 4)


async def test_a_domain_is_logged_when_it_is_new(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    old = DomainName(domain_name="a.b", security_policy=SecurityPolicy.TLS_1_0)
    for domains in ((old,), (old, DomainName(domain_name="c.d"))):
        bench.deployed.note_domains(domains)
        assert bench.told() == ["domain a.b"]
    bench.deployed.note_domains(())

    assert bench.told() == []
    assert len(caplog.records) == 1
