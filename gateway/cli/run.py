"""`stagegate run`: serve until told to stop."""

from __future__ import annotations

import argparse

from gateway.app import serve
from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Serve the files' APIs; return once TERM or INT has drained every request."""
    if arguments.listen_tls is not None:
        output.error(
            "--listen-tls: certificates are not supported yet; "
            "use --listen behind something that ends TLS"
        )
        return 2
    return serve(settings_of(arguments))
