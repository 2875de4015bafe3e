"""What holds for every test.

In continuous integration (STAGEGATE_NO_SKIP=1) nothing is skipped.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import hypothesis
import pytest

# No test asserts absolute times: a busy machine takes long for an example, and that is no failure.
hypothesis.settings.register_profile("stagegate", deadline=None)
hypothesis.settings.load_profile("stagegate")

NO_SKIP = os.environ.get("STAGEGATE_NO_SKIP", "") not in {"", "0"}


def forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that gives the skip's reason; an expected failure stays one."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"STAGEGATE_NO_SKIP is set, so nothing may be skipped here. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if NO_SKIP:
        forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if NO_SKIP:
        forbid_skip(report)
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests and their modules: they stay to the end."""
    gc.collect()
    gc.freeze()
