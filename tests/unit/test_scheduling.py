from __future__ import annotations

import ast
import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import scheduling

_TOLD = """\
import ctypes, os, struct, threading
from concurrent.futures import ThreadPoolExecutor
from gateway.scheduling import step_back, take_turns

GET_ATTRIBUTES = {"x86_64": 315, "aarch64": 275, "riscv64": 275}[os.uname().machine]

def told():
    room = ctypes.create_string_buffer(56)
    task = threading.get_native_id()
    assert ctypes.CDLL(None).syscall(GET_ATTRIBUTES, task, room, len(room), 0) == 0
    _, policy, _, nice, _, runtime = struct.unpack_from("=IIQiIQ", room)
    return policy, nice, runtime

"""

_SHOW = f"""{_TOLD}
with ThreadPoolExecutor(1) as before:
    before.submit(told).result()
    step_back()
    with ThreadPoolExecutor(1) as after:
        print([told(), before.submit(told).result(), after.submit(told).result()])
"""

_SHOW_TURNS = f"""{_TOLD}
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
before = told()
is_taken = take_turns(int(os.environ["WORKERS"]))
with ThreadPoolExecutor(1) as after:
    print([is_taken, before, told(), after.submit(told).result()])
"""

_SHOW_NICER = f"""\
import os
from gateway.scheduling import step_back

os.setpriority(os.PRIO_PROCESS, 0, {scheduling.NICENESS + 4})
os.setresuid(65534, 65534, 65534)
step_back()
print(os.getpriority(os.PRIO_PROCESS, 0))
"""


def linux() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int(minor)


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64", "riscv64"}, reason="the call has no number here"
)
def test_threads_of_before_and_after_are_nice_batches_with_long_slices() -> None:
    """Asked of the kernel, in a process of its own: niceness cannot be taken back."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    slice_ = round(scheduling.CONTROL_SLICE_SECONDS * 1e9) if linux() >= (6, 12) else 0
    thread = (os.SCHED_BATCH, scheduling.NICENESS, slice_)
    assert shown.strip() == str([thread] * 3)


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64", "riscv64"}, reason="the call has no number here"
)
def test_a_policy_that_an_operator_has_chosen_stays() -> None:
    chosen = f"import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n{_SHOW}"
    shown = subprocess.run(
        [sys.executable, "-c", chosen], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    policies = {policy for policy, _, _ in ast.literal_eval(shown)}
    assert policies == {os.SCHED_IDLE}


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64", "riscv64"}, reason="the call has no number here"
)
def test_where_the_policy_cannot_be_asked_for_it_stays_and_all_else_is_done() -> None:
    """As with musl, whose sched_getscheduler(2) knows nothing but ENOSYS."""
    unable = f"""\
import errno, os
def refuse(task):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
os.sched_getscheduler = refuse
{_SHOW}"""
    shown = subprocess.run(
        [sys.executable, "-c", unable], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    settings = {(policy, niceness) for policy, niceness, _ in ast.literal_eval(shown)}
    assert settings == {(os.SCHED_OTHER, scheduling.NICENESS)}


@pytest.mark.skipif(os.geteuid() != 0, reason="gives root's rights up")
def test_what_an_operator_made_nicer_stays_so_and_is_no_error() -> None:
    """The kernel lets nobody but root take niceness back: control would never start."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_NICER], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert shown.strip() == str(scheduling.NICENESS + 4)


def test_every_thread_of_the_process_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    nice: dict[int, int] = {}
    longer: dict[int, int] = {}

    def noted(which: int, who: int, niceness: int) -> None:
        assert which == os.PRIO_PROCESS
        nice[who] = niceness

    monkeypatch.setattr(os, "setpriority", noted)
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 0)
    monkeypatch.setattr(scheduling, "schedule_as_batch", longer.__setitem__)
    with ThreadPoolExecutor(1) as executor:
        thread = executor.submit(threading.get_native_id).result()
        scheduling.step_back()

    assert nice[thread] == nice[threading.get_native_id()] == scheduling.NICENESS
    assert longer == nice


def test_what_is_nicer_already_is_made_no_less_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    nice: set[int] = set()
    longer: set[int] = set()
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 19)
    monkeypatch.setattr(os, "setpriority", lambda _which, _who, niceness: nice.add(niceness))
    monkeypatch.setattr(scheduling, "schedule_as_batch", lambda _, niceness: longer.add(niceness))
    scheduling.step_back()

    assert nice == longer == {19}


def test_threads_that_are_listed_late_step_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = iter([["1", "2"], ["2", "3"], ["2", "3"]])
    monkeypatch.setattr(os, "listdir", lambda _: next(listed))
    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 0)
    stepped: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda _which, who, _niceness: stepped.append(who))
    monkeypatch.setattr(scheduling, "schedule_as_batch", lambda _task, _niceness: True)
    scheduling.step_back()

    assert sorted(stepped) == [1, 2, 3]


@pytest.mark.parametrize("refusal", [ProcessLookupError, PermissionError])
def test_a_thread_that_has_ended_or_may_not_keeps_none_from_stepping_back(
    refusal: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = iter([["1", "2"], ["1", "2"]])
    monkeypatch.setattr(os, "listdir", lambda _: next(listed))
    tried: list[int] = []

    def refused(_which: int, who: int, _niceness: int) -> None:
        tried.append(who)
        raise refusal

    monkeypatch.setattr(os, "getpriority", lambda _which, _who: 0)
    monkeypatch.setattr(os, "setpriority", refused)
    scheduling.step_back()

    assert sorted(tried) == [1, 2]


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64", "riscv64"}, reason="the call has no number here"
)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_take_long_turns_where_they_outnumber_their_processors(workers: int) -> None:
    """Asked of the kernel, with one processor for all."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_TURNS],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "WORKERS": str(workers)},
    ).stdout
    is_taken, before, *after = ast.literal_eval(shown)
    seconds = scheduling.SHORT_TURN_SECONDS if workers == 1 else scheduling.LONG_TURN_SECONDS
    slice_ = round(seconds * 1e9) if linux() >= (6, 12) else 0

    assert is_taken
    assert after == [(*before[:2], slice_)] * 2


def test_workers_go_before_control_on_one_processor() -> None:
    """Who wakes goes first if its slices are the shorter ones."""
    assert scheduling.SHORT_TURN_SECONDS < scheduling.CONTROL_SLICE_SECONDS
    assert scheduling.LONG_TURN_SECONDS < scheduling.CONTROL_SLICE_SECONDS


def test_a_machine_whose_call_is_unknown_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "alpha")

    assert not scheduling.schedule_as_batch(os.getpid(), 5)


def test_a_refusal_of_the_kernel_is_told() -> None:
    no_thread = 2**30

    assert not scheduling.schedule_as_batch(no_thread, 5)
