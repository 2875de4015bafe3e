"""Parses a command line and runs its command."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from gateway.cli.arguments import build_parser
from gateway.cli.flag_values import UsageError
from gateway.cli.output import Output
from gateway.errors import ConfigurationError

Command = Callable[[argparse.Namespace, Output], int]
"""Takes the parsed flags and where to print to; returns the exit code."""


def command_of(name: str) -> Command:
    """Return a command: the function of that name in the module of that name beside this one.

    Imported when it is asked for: all of them together take four times as long to load as `run`
    needs, and a gateway that starts waits for it.
    """
    command: Command = getattr(importlib.import_module(f"gateway.cli.{name}"), name)
    return command


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code.

    0: fine. 1: a problem, named on standard error. 2: wrong usage.
    """
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as exit_:
        # argparse has printed help, the version, or what is wrong.
        return exit_.code if isinstance(exit_.code, int) else 2
    output = Output(sys.stdout, sys.stderr)
    try:
        code = command_of(arguments.command)(arguments, output)
        sys.stdout.flush()
    except ConfigurationError as error:
        output.problems(error.problems)
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        # The reader has seen enough (`stagegate routes | head`); Python's own flush at exit must
        # not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code
