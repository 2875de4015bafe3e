"""Fixtures that start whole gateways."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.running_gateway import RunningGateway, pets

StartGateway = Callable[..., RunningGateway]


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Start gateways: `start_gateway({"apis/pets.yaml": …}, "--workers", "1")`.

    Each has config and data directories of its own, and is ended after the test.
    """
    with contextlib.ExitStack() as started:

        def start(files: Mapping[str, str], *flags: str) -> RunningGateway:
            directory = tmp_path / f"gateway-{len(list(tmp_path.iterdir()))}"
            gateway = RunningGateway(directory, files, *flags)
            started.callback(gateway.close)
            return gateway

        yield start


@pytest.fixture
def running_gateway(start_gateway: StartGateway) -> RunningGateway:
    """A gateway with two workers and the API `pets`, ready to answer."""
    return start_gateway({"apis/pets.yaml": pets()})
