"""The commands' flags and help texts. No flag has its default here: see `gateway.settings`."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any, Protocol

import gateway

EXIT_CODES = """\
exit codes:
  0  fine
  1  a problem, named on standard error
  2  wrong usage
"""

SETTING_FLAGS = ("listen", "admin", "config", "data", "workers", "region", "account")
"""Flags that replace a setting of `gateway.toml` or of the environment."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; a parsed command line has `command` set to one of the commands' names."""
    parser = argparse.ArgumentParser(
        prog="stagegate",
        description="An API gateway with Amazon API Gateway's deployment model.",
        epilog=EXIT_CODES + "\nstagegate COMMAND --help tells more about a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"stagegate {gateway.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_check(commands)
    _add_plan(commands)
    _add_explain(commands)
    _add_routes(commands)
    _add_status(commands)
    return parser


class _Commands(Protocol):
    """What `add_subparsers` returns; its own class has no public name."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        """Add a command."""
        ...


def _command(commands: _Commands, name: str, summary: str, text: str) -> argparse.ArgumentParser:
    """Add a command; `text` is a paragraph, an empty line, and examples."""
    paragraph, _, examples = textwrap.dedent(text).strip().partition("\n\n")
    return commands.add_parser(
        name,
        help=summary,
        description=paragraph,
        epilog=f"{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="DIR", help="directory of gateway.toml, apis/ and domains.yaml (config)"
    )


def _add_identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", metavar="NAME", help="region named in $context and ARNs")
    parser.add_argument("--account", metavar="ID", help="12 digits, named in $context and ARNs")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="DIR", help="directory of what the gateway keeps (.stagegate)"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def _add_run(commands: _Commands) -> None:
    parser = _command(
        commands,
        "run",
        "serve the APIs",
        """
        Serve the APIs of the configuration directory until TERM or INT; HUP reloads the files.
        Edited files are picked up without it. A flag wins over an environment variable
        (STAGEGATE_LISTEN and so on), that one over gateway.toml.

        examples:
          stagegate run
          stagegate run --listen 0.0.0.0:8080 --workers 4
          stagegate run --config /etc/stagegate --data /var/lib/stagegate
        """,
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="where clients connect (127.0.0.1:8080)"
    )
    parser.add_argument(
        "--listen-tls", metavar="HOST:PORT", help="refused: certificates are not supported yet"
    )
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help="metrics, health and status (127.0.0.1:8081)"
    )
    _add_config(parser)
    _add_data(parser)
    parser.add_argument(
        "--workers", metavar="N", type=int, help="processes that serve requests (one per CPU)"
    )
    _add_identity(parser)


def _add_check(commands: _Commands) -> None:
    parser = _command(
        commands,
        "check",
        "validate the files",
        """
        Load and compile the configuration directory as a reload would, and print every problem
        with its file, line and column. Warnings do not fail the check.

        examples:
          stagegate check
          stagegate check --config /etc/stagegate --json
        """,
    )
    _add_config(parser)
    _add_json(parser)


def _add_plan(commands: _Commands) -> None:
    parser = _command(
        commands,
        "plan",
        "what a reload would change",
        """
        Compare the files with the last good release, which is kept in the data directory, and
        print what a reload would change. Nothing is changed by it.

        examples:
          stagegate plan
          stagegate plan --config staging --data /var/lib/stagegate
        """,
    )
    _add_config(parser)
    _add_data(parser)
    _add_identity(parser)
    _add_json(parser)


def _add_explain(commands: _Commands) -> None:
    parser = _command(
        commands,
        "explain",
        "why a request goes where it goes",
        """
        Show how the files' APIs would answer a request: how its host and path are read, which
        methods were candidates and why each lost, the settings that apply, and the backend.
        Nothing is sent.

        examples:
          stagegate explain GET http://petstore.execute-api.localhost:8080/prod/pets/7
          stagegate explain POST http://localhost:8080/orders/v1 -H 'Host: api.example.com'
        """,
    )
    parser.add_argument("method", metavar="METHOD", help="HTTP method, such as GET")
    parser.add_argument("url", metavar="URL", help="address, or a path with -H 'Host: ...'")
    parser.add_argument(
        "-H",
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="request header; Host replaces the URL's; may be given several times",
    )
    _add_config(parser)
    _add_identity(parser)
    _add_json(parser)


def _add_routes(commands: _Commands) -> None:
    parser = _command(
        commands,
        "routes",
        "every method of every stage",
        """
        List every method that the files' stages serve, with its integration, backend and limits.

        examples:
          stagegate routes
          stagegate routes | grep DELETE
          stagegate routes --json
        """,
    )
    _add_config(parser)
    _add_identity(parser)
    _add_json(parser)


def _add_status(commands: _Commands) -> None:
    parser = _command(
        commands,
        "status",
        "how a running gateway is",
        """
        Ask a running gateway for its release and its workers. Fails when it cannot be reached,
        when its last reload failed, and when a worker is missing or has an older release.

        examples:
          stagegate status
          stagegate status --admin 127.0.0.1:9081 --json
        """,
    )
    parser.add_argument("--admin", metavar="HOST:PORT", help="the gateway's --admin")
    _add_config(parser)
    _add_json(parser)
