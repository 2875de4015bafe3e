"""docs/metrics.md, line by line, against a gateway and a Prometheus that were just started."""

from __future__ import annotations

import shutil

import pytest

from tests.console import Shell, examples, here, matches, reader_environment, sample_files
from tests.integration.conftest import StartGateway
from tests.prometheus import program, running_prometheus, scraping
from tests.running_gateway import ROOT
from tests.sample_backend import running_backend

SERVER = "127.0.0.1:9090"
"""Where the page has Prometheus."""


def test_every_line_of_the_page_on_metrics_does_what_it_says(start_gateway: StartGateway) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed on this machine")
    program("promtool")
    page = ROOT / "docs/metrics.md"
    guide = examples(page)
    with running_backend() as backend:
        gateway = start_gateway(sample_files(backend), "--workers", "2")
        directory = gateway.config.parent
        rules = gateway.config / "observability/stagegate.rules.yml"
        configured = {"prometheus.yml": scraping(gateway.admin, rules)}
        with running_prometheus(directory / "prometheus", configured) as prometheus:
            prometheus.wait_scraped()
            shell = Shell(directory, reader_environment())
            for example in guide:
                command = here(example.command, gateway, backend)
                expected = here(example.expected, gateway, backend)
                answer = shell.answer(command.replace(SERVER, prometheus.address), expected)

                assert matches(answer, expected), (
                    f"line {example.line}: $ {example.command}\n{answer}"
                )

    assert len(guide) == page.read_text("utf-8").count("\n$ ")
