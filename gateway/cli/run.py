"""`stagegate run`: serve until told to stop."""

from __future__ import annotations

import argparse

from gateway.app import serve
from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output


def run(arguments: argparse.Namespace, output: Output) -> int:  # noqa: ARG001 (commands are alike)
    """Serve the files' APIs; return once TERM or INT has drained every request."""
    return serve(settings_of(arguments))
