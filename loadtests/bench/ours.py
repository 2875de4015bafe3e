"""Starts our gateway as its users do, with the configurations that the rows need.

Only its public surface is used: the command line, files, ports and what /proc says.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtests.bench.anchors import Server
from loadtests.bench.machine import ROOT, Cores
from loadtests.bench.processes import (
    START_SECONDS,
    BenchError,
    Program,
    command_line,
    running,
    wait_for,
    wait_until_idle,
)
from loadtests.bench_routing import concrete
from loadtests.make_config import domains_document, mock, proxy, write_yaml

HOST: Final = "api.bench.test"
BASE_PATH: Final = "shop/v1"
API_KEY: Final = "bench-0123456789-0123456789"
HEADERS: Final = {"Host": HOST, "User-Agent": "bench/1.0", "Accept": "*/*", "x-api-key": API_KEY}
"""What every client of the bench sends, to the anchors as well."""

OTHER_METHODS: Final = 1000
"""Methods beside those that are asked."""
NEVER_REFUSES: Final = {"throttlingRateLimit": 1e6, "throttlingBurstLimit": 1_000_000}

PLACEHOLDER: Final = "{id}"


def one_of(path: str) -> str:
    """Return the path of one of the things that a path with a placeholder stands for."""
    return path.replace(PLACEHOLDER, "7")


ANY_PASS: Final = f"/{BASE_PATH}/pets/{{id}}?verbose=1"
ANY_MOCK: Final = f"/{BASE_PATH}/mock/{{id}}"
ANY_CACHED: Final = f"/{BASE_PATH}/cached/{{id}}"
"""With a placeholder: closed loops ask for a thousand things by turns."""
PASS: Final = one_of(ANY_PASS)
MOCK: Final = one_of(ANY_MOCK)
REFUSED: Final = f"/{BASE_PATH}/refused"
NO_ROUTE: Final = f"/{BASE_PATH}/no/such/resource"
LIMITED: Final = f"/{BASE_PATH}/limited"
DOWNLOAD: Final = f"/{BASE_PATH}/files/large.bin"
UPLOAD: Final = f"/{BASE_PATH}/upload"

SETTINGS: Final = """\
[limits]
requests_per_connection = 1000000000
body_bytes = 1073741824
[timeouts]
keep_alive_seconds = 3600
[throttle]
account_rate_limit = 1000000
account_burst_limit = 1000000
[backends]
idle_per_origin = 256
idle_seconds = 3600
"""
"""What the anchors are told as well: connections live on, and large bodies pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Ports of what the gateway passes requests to."""

    origin: int
    sink: int = 9
    """Swallows uploads."""


def shop_document(
    backends: Backends,
    *,
    other_methods: int = OTHER_METHODS,
    limit: tuple[float, int] = (1000.0, 500),
) -> dict[str, Any]:
    """Return the API that is asked: its methods and many others, with everything switched on."""
    to_origin = f"http://127.0.0.1:{backends.origin}"
    resources = other_resources(other_methods) | {
        "/pets/{petId}": {
            "GET": {**proxy(f"{to_origin}/pets/{{petId}}"), "apiKeyRequired": True},
        },
        "/mock/{petId}": {
            "GET": mock('{"id": "$input.params(\'petId\')", "request": "$context.requestId"}')
        },
        "/cached/{petId}": {
            "GET": proxy(
                f"{to_origin}/pets/{{petId}}", cacheKeyParameters=["method.request.path.petId"]
            )
        },
        "/refused": {"GET": mock("{}")},
        "/limited": {"GET": mock("{}")},
        "/files/{proxy+}": {
            "GET": proxy(f"{to_origin}/files/{{proxy}}", responseTransferMode="STREAM")
        },
        "/upload": {"POST": proxy(f"http://127.0.0.1:{backends.sink}/upload")},
    }
    settings = {
        "*/*": {**NEVER_REFUSES, "metricsEnabled": True},
        "cached/{petId}/GET": {"cachingEnabled": True, "cacheTtlInSeconds": 3600},
        # Refills once in a quarter of an hour: what was in it goes to the readiness check.
        "refused/GET": {"throttlingRateLimit": 0.001, "throttlingBurstLimit": 1},
        "limited/GET": {"throttlingRateLimit": limit[0], "throttlingBurstLimit": limit[1]},
    }
    return {
        "restApi": {"name": "Bench"},
        "resources": resources,
        "stages": {
            "prod": {
                "cacheClusterEnabled": True,
                "methodSettings": settings,
                "accessLogSettings": {"destination": "logs/bench.log", "format": "json"},
            }
        },
    }


def usage_document() -> dict[str, Any]:
    """Return the usage plan of `shop`: buckets and a quota that never refuse."""
    throttle = {
        "rateLimit": NEVER_REFUSES["throttlingRateLimit"],
        "burstLimit": NEVER_REFUSES["throttlingBurstLimit"],
    }
    stage = {"apiId": "shop", "stage": "prod", "throttle": {"/pets/{petId}/GET": throttle}}
    plan = {
        "apiStages": [stage],
        "throttle": throttle,
        "quota": {"limit": 2_000_000_000, "period": "MONTH"},
        "apiKeys": ["bench"],
    }
    return {"apiKeys": {"bench": {"value": API_KEY}}, "usagePlans": {"bench": plan}}


def other_resources(count: int, prefix: str = "/others", answer: str = "{}") -> dict[str, Any]:
    """Return `count` resources with a method each, shaped like those of real APIs."""
    shapes = ("{}/s{}/items", "{}/s{}/items/{{id}}", "{}/s{}/items/{{id}}/parts/{{part}}", "{}/t{}")
    method = mock(answer)
    return {
        shapes[number % 4].format(prefix, number // 4): {"GET": method} for number in range(count)
    }


def other_api(count: int, answer: str = "{}") -> dict[str, Any]:
    """Return an API of `count` methods with throttles, metrics and a log."""
    return {
        "restApi": {"name": "Others"},
        "resources": other_resources(count, answer=answer),
        "stages": {
            "prod": {
                "methodSettings": {"*/*": {**NEVER_REFUSES, "metricsEnabled": True}},
                "accessLogSettings": {"destination": "logs/bench.log", "format": "json"},
            }
        },
    }


def other_targets(api_id: str, count: int) -> list[str]:
    """Return what to ask of `other_api(count)`, served as `api_id`: each method once."""
    base = f"/restapis/{api_id}/prod/_user_request_"
    return [f"{base}{concrete(path)}" for path in other_resources(count)]


def write_config(directory: Path, apis: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a config directory; the API `shop` is mounted at HOST and BASE_PATH, with its plan."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "gateway.toml").write_text(SETTINGS, "utf-8")
    for name, document in apis.items():
        write_yaml(directory / "apis" / f"{name}.yaml", document)
    if "shop" in apis:
        mounts = [(HOST, BASE_PATH, "shop", "prod")]
        write_yaml(directory / "domains.yaml", domains_document(mounts))
        write_yaml(directory / "usage.yaml", usage_document())


@contextlib.contextmanager
def gateway(
    directory: Path,
    cores: Cores,
    config: Path,
    *,
    workers: int = 1,
    name: str = "gateway",
    tree: Path = ROOT,
) -> Iterator[Server]:
    """Run the gateway of a source tree until the body ends."""
    data = directory / f"{name}-data"
    arguments = {
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "config": str(config),
        "data": str(data),
        "workers": str(workers),
    }
    flags = [text for key, value in arguments.items() for text in (f"--{key}", value)]
    addresses = data / "run" / "addresses.json"
    addresses.unlink(missing_ok=True)
    with running(
        name,
        [sys.executable, "-m", "gateway", "run", *flags],
        directory=directory,
        cores=cores.server,
        working_directory=tree,
    ) as program:
        ports = _ports(program, addresses)
        wait_for(program, ports["admin"], "/readyz", status=200)
        wait_until_idle(program)
        yield Server(program=program, port=ports["listen"])


def _ports(program: Program, file: Path) -> dict[str, int]:
    """Return the ports that the gateway has chosen, once it has written them down."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if why := program.died():
            raise BenchError(why)
        with contextlib.suppress(OSError, ValueError, KeyError):
            addresses = json.loads(file.read_text("utf-8"))
            return {name: int(addresses[name].rpartition(":")[2]) for name in ("listen", "admin")}
        time.sleep(0.02)
    raise BenchError(f"the gateway wrote no {file} in {START_SECONDS:.0f} s")


def worker_pids(server: Server) -> tuple[int, ...]:
    """Return the processes that serve requests."""
    found = tuple(pid for pid in server.program.pids() if "gateway.worker" in command_line(pid))
    if not found:
        raise BenchError("no worker process was found among the gateway's")
    return found
