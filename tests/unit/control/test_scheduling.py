from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.control import scheduling

_SHOW = """\
import ctypes, os, struct, threading
from concurrent.futures import ThreadPoolExecutor
from gateway.control.scheduling import step_back

GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275, "riscv64": 275}[os.uname().machine]

def told():
    room = ctypes.create_string_buffer(56)
    task = threading.get_native_id()
    assert ctypes.CDLL(None).syscall(GET_ATTRIBUTES, task, room, len(room), 0) == 0
    _, policy, _, nice, _, runtime = struct.unpack_from("=IIQiIQ", room)
    return policy, nice, runtime

with ThreadPoolExecutor(1) as before:
    before.submit(told).result()
    step_back()
    with ThreadPoolExecutor(1) as after:
        print([told(), before.submit(told).result(), after.submit(told).result()])
"""


def linux() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64", "riscv64"}, reason="the call has no number here"
)
def test_threads_of_before_and_after_are_nice_and_have_long_slices() -> None:
    """Asked of the kernel, in a process of its own: niceness cannot be taken back."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    slice_ = round(scheduling.SLICE_SECONDS * 1e9) if linux() >= (6, 12) else 0
    thread = (os.SCHED_OTHER, scheduling.NICENESS, slice_)
    assert shown.strip() == str([thread] * 3)


def test_every_thread_of_the_process_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    nice: dict[int, int] = {}
    longer: list[int] = []

    def noted(which: int, who: int, niceness: int) -> None:
        assert which == os.PRIO_PROCESS
        nice[who] = niceness

    monkeypatch.setattr(os, "setpriority", noted)
    monkeypatch.setattr(scheduling, "lengthen_slice", longer.append)
    with ThreadPoolExecutor(1) as executor:
        thread = executor.submit(threading.get_native_id).result()
        scheduling.step_back()

    assert nice[thread] == nice[threading.get_native_id()] == scheduling.NICENESS
    assert {thread, threading.get_native_id()} <= set(longer)


def test_who_was_started_nicer_stays_so() -> None:
    code = (
        "import os; os.nice(10)\n"
        "from gateway.control.scheduling import step_back; step_back()\n"
        "print(os.nice(0))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    assert shown.strip() == "10"


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])
def test_what_the_kernel_forbids_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def refuse(_which: int, _who: int, _niceness: int) -> None:
        raise error

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(scheduling, "lengthen_slice", lambda _: False)

    scheduling.step_back()


def test_threads_that_are_listed_late_step_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = iter([["1", "2"], ["2", "3"], ["2", "3"]])
    monkeypatch.setattr(os, "listdir", lambda _: next(listed))
    stepped: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda _which, who, _niceness: stepped.append(who))
    monkeypatch.setattr(scheduling, "lengthen_slice", lambda _: True)
    scheduling.step_back()

    assert sorted(stepped) == [1, 2, 3]


def test_a_machine_whose_call_is_unknown_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "alpha")

    assert not scheduling.lengthen_slice(os.getpid())


def test_a_refusal_of_the_kernel_is_told() -> None:
    no_thread = 2**30

    assert not scheduling.lengthen_slice(no_thread)
