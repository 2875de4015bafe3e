"""Where control stands among those that wait for a processor: behind the workers. Linux only.

Two things, since either alone is too little: control is nice, so that it gets the smaller share
where all want more than there is; and it asks for long slices, so that it does not keep a worker
waiting that has a request. From Linux 6.12 on a thread that wakes takes the processor at once from
one whose slices are longer (Documentation/scheduler/sched-eevdf.rst); before that, and with equal
slices, it may have to wait for the end of a slice of some 3 ms, however nice the other is.
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
share waits for the end of control's slice."""

SLICE_SECONDS: Final = 0.02
"""Far above what the kernel gives by itself (0.7 to 6 ms), so that every worker's is shorter."""

_CALL_NUMBERS: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Of sched_setattr(2), which C libraries began to offer in 2025."""

_KEEP_POLICY: Final = 0x08
"""SCHED_FLAG_KEEP_POLICY: an operator may have chosen another one."""

_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""struct sched_attr as of its first version: size, policy, flags, nice, priority, and three times
in nanoseconds, of which the first, the runtime, is the slice of an ordinary thread."""


def step_back() -> None:
    """Let the workers go first from now on.

    On Linux both settings are a thread's own: one that runs already inherits nothing.
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
                lengthen_slice(task, niceness)


def lengthen_slice(task: int, niceness: int) -> bool:
    """Ask for slices of `SLICE_SECONDS` for a thread of ours that has this niceness.

    Returns:
        Whether the kernel took it. Kernels before 6.12 take it and change nothing.
    """
    number = _CALL_NUMBERS.get(platform.machine())
    if number is None:
        return False
    nanoseconds = round(SLICE_SECONDS * 1e9)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, 0, _KEEP_POLICY, niceness, 0, nanoseconds, 0, 0)
    # 0 is success; whatever else there may be (a sandbox that forbids the call, a thread that is
    # gone) leaves things as they were.
    return bool(ctypes.CDLL(None).syscall(number, task, attributes, 0) == 0)
