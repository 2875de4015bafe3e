"""Facts about what children take over from the supervisor."""

import contextlib
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.inheritance import (
    accept_signals,
    end_with_parent,
    pack_settings,
    take_over,
    unpack_settings,
)
from gateway.settings import Address, Backends, Limits, Settings
from tests.inheritances import inherited, memory


def test_settings_survive_the_journey() -> None:
    settings = Settings(
        listen=Address("::1", 0),
        listen_tls=Address("", 8443),
        data=Path("/somewhere"),
        trusted_proxies=("10.0.0.0/8",),
        limits=Limits(body_bytes=7),
    )

    assert unpack_settings(json.loads(json.dumps(pack_settings(settings)))) == settings
    assert unpack_settings(pack_settings(Settings())) == Settings()


def test_paths_that_may_be_missing_survive_the_journey() -> None:
    for bundle in (None, Path("ca.pem")):
        settings = Settings(backends=Backends(ca_bundle=bundle))

        assert unpack_settings(json.loads(json.dumps(pack_settings(settings)))) == settings


def test_tables_are_shared_memory(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        one = inherited(tmp_path, opened, worker=0)
        one.table("buckets")[7] = 3

        assert one.table("buckets")[7] == 3
        assert one.supervision().supervisor()[0] == os.getpid()
        assert one.settings.data == tmp_path / "data"
        assert one.listening_tls() is None
        one.listening().close()
        one.release_listening().close()


@pytest.mark.parametrize("arguments", [[], ["--boot"], ["--help"], ["--boot", "1", "2"]])
def test_children_are_not_started_by_hand(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="not by hand"):
        take_over(arguments)


def in_child(action: str) -> int:
    """Run a function of this file in a forked process; return its exit status."""
    pid = os.fork()
    if pid == 0:
        globals()[action]()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def with_a_dead_parent() -> None:
    end_with_parent(os.getppid() + 1)


def with_this_parent() -> None:
    end_with_parent(os.getppid())


def test_a_child_whose_parent_is_dead_already_ends_at_once() -> None:
    assert in_child("with_a_dead_parent") == -signal.SIGKILL
    assert in_child("with_this_parent") == 0


def taking_over() -> None:
    with contextlib.ExitStack() as opened:
        boot = {"supervisor": os.getppid(), "run": "x"}
        descriptor = os.dup(memory(0, opened))
        os.write(descriptor, json.dumps(boot).encode())
        assert take_over(["--boot", str(descriptor)]).boot == boot


def test_the_order_is_read_from_the_inherited_descriptor() -> None:
    assert in_child("taking_over") == 0


def test_blocked_signals_are_let_in() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    accept_signals()

    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGTERM, signal.SIGHUP}


def test_the_worker_is_told_its_number(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        one = inherited(tmp_path, opened, worker=0, settings=replace(Settings(), workers=3))

        assert repr(one) == "<Inherited worker 0/1>"
        assert one.settings.workers == 3
        assert one.release_address.startswith("\0")
        one.listening().close()
        one.release_listening().close()
