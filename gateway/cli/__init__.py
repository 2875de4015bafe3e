"""The command line, `stagegate`. Thin: what a command tells is decided in the layers below."""

from gateway.cli.commands import main

__all__ = ["main"]
