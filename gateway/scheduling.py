"""Where our threads stand among those that wait for a processor. Linux only.

Control stands behind the workers. Three things, since none alone is enough:

- Control is nice, so that it gets the smaller share where all want more than there is.
- It asks for long slices, so that it does not keep a worker waiting that has a request. From Linux
  6.12 on a thread that wakes takes the processor at once from one whose slices are longer
  (Documentation/scheduler/sched-eevdf.rst); before that, and with equal slices, it may have to wait
  for the end of a slice of some 3 ms, however nice the other is.
- Its policy is SCHED_BATCH (sched(7)): when it wakes, it takes the processor from nobody. It is
  mostly a worker that wakes it, by telling it something, and that has requests to go on with.

  What counts is whose slice ends first, and now and then control is about to end its own: so it
  asks for the longest, which end rarely, and a worker for the shortest, which end at once.

Workers that outnumber their processors take turns, each with cold caches at first: they ask for
long ones, which are still shorter than control's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from typing import Final

NICENESS: Final = 15
"""At least. Where processors are scarce, requests come before reloads and scrapes: beside a worker
that is never idle control gets a thirtieth of a core. Below some 12 a worker that has just had its
share waits for control."""

CONTROL_SLICE_SECONDS: Final = 0.1
"""The longest that the kernel gives: see `SHORT_TURN_SECONDS`."""

SHORT_TURN_SECONDS: Final = 0.0001
"""Slice of a worker that has a processor for itself, but for control: the shortest that the kernel
gives. With the kernel's own 3 ms, a worker that a request wakes while control's slice is about to
end waits until control is interrupted, up to 5 ms, with all requests that come meanwhile."""

LONG_TURN_SECONDS: Final = 0.01
"""Slice of workers that outnumber their processors: never idle, they serve a quarter to a half more
than with the kernel's own, and the slowest hundredth of requests waits half as long again."""

_CALL_NUMBERS: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Of sched_setattr(2), which C libraries began to offer in 2025."""

_KEEP_POLICY: Final = 0x08
"""SCHED_FLAG_KEEP_POLICY: the policy that comes with it does not count."""

_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""struct sched_attr as of its first version: size, policy, flags, nice, priority, and three times
in nanoseconds, of which the first, the runtime, is the slice of an ordinary thread."""


def step_back() -> None:
    """Let the workers go first from now on.

    On Linux all three settings are a thread's own: one that runs already inherits nothing.
    """
    seen: set[str] = set()
    # More than once: the list leaves some out while others end.
    while tasks := set(os.listdir("/proc/self/task")) - seen:  # noqa: PTH208 (names, no paths)
        seen |= tasks
        for task in map(int, tasks):
            # Gone meanwhile, or a sandbox forbids it: then things stay as they were.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # An operator may have made it nicer, which only root could take back.
                niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, task))
                os.setpriority(os.PRIO_PROCESS, task, niceness)
                schedule_as_batch(task, niceness)


def schedule_as_batch(task: int, niceness: int) -> bool:
    """Ask for SCHED_BATCH and slices of `CONTROL_SLICE_SECONDS` for a thread of this niceness.

    A policy that an operator has chosen stays.

    Returns:
        Whether the kernel took it. Kernels before 6.12 take the slice, too, and ignore it.
    """
    policy = os.SCHED_BATCH if _is_ordinary(task) else None
    return _ask(task, niceness, CONTROL_SLICE_SECONDS, policy)


def take_turns(workers: int) -> bool:
    """Ask for a worker's slices for this thread and those that it starts.

    Long ones where `workers`, all of this gateway's, outnumber the processors that they may use,
    and short ones elsewhere: whoever has long slices waits longer behind others.

    Returns:
        Whether the kernel took it; as `schedule_as_batch`.
    """
    outnumber = workers > len(os.sched_getaffinity(0))
    seconds = LONG_TURN_SECONDS if outnumber else SHORT_TURN_SECONDS
    return _ask(0, os.getpriority(os.PRIO_PROCESS, 0), seconds, None)


def become_batch() -> None:
    """Let this thread take the processor from nobody when it wakes.

    A policy that an operator has chosen stays; where a sandbox forbids another, things stay as
    they are.
    """
    if _is_ordinary(0):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _is_ordinary(task: int) -> bool:
    try:
        return os.sched_getscheduler(task) == os.SCHED_OTHER
    except OSError:
        # A thread that is gone, a sandbox that forbids it, or musl, which has no such call: a
        # policy that nobody can tell is left alone.
        return False


def _ask(task: int, niceness: int, slice_seconds: float, policy: int | None) -> bool:
    """Set a thread's niceness, slice and policy (None: it stays); return whether it was taken."""
    number = _CALL_NUMBERS.get(platform.machine())
    if number is None:
        return False
    attributes = _ATTRIBUTES.pack(
        _ATTRIBUTES.size,
        policy or 0,
        _KEEP_POLICY if policy is None else 0,
        niceness,
        0,
        round(slice_seconds * 1e9),
        0,
        0,
    )
    # 0 is success; whatever else there may be (a sandbox that forbids the call, a thread that is
    # gone) leaves things as they were.
    return bool(ctypes.CDLL(None).syscall(number, task, attributes, 0) == 0)
