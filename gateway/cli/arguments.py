"""The commands' flags and help texts. No flag has its default here: see `gateway.settings`.

A flag's value is checked here as the setting it replaces: what it cannot be is wrong usage.
"""

from __future__ import annotations

import argparse
import textwrap
from typing import Any, Protocol

import gateway
from gateway.cli.flag_values import count, user_name, value_of

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
    _add_user(commands)
    _add_audit(commands)
    _add_export(commands)
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
        "--config",
        metavar="DIR",
        type=value_of("config"),
        help="directory of gateway.toml, apis/ and domains.yaml (config)",
    )


def _add_identity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--region",
        metavar="NAME",
        type=value_of("region"),
        help="region named in $context and ARNs",
    )
    parser.add_argument(
        "--account",
        metavar="ID",
        type=value_of("account"),
        help="12 digits, named in $context and ARNs",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=value_of("data"),
        help="directory of what the gateway keeps (.stagegate)",
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
        "--listen",
        metavar="HOST:PORT",
        type=value_of("listen"),
        help="where clients connect (127.0.0.1:8080)",
    )
    parser.add_argument(
        "--listen-tls", metavar="HOST:PORT", help="refused: certificates are not supported yet"
    )
    parser.add_argument(
        "--admin",
        metavar="HOST:PORT",
        type=value_of("admin"),
        help="metrics, health and status (127.0.0.1:8081)",
    )
    _add_config(parser)
    _add_data(parser)
    parser.add_argument(
        "--workers",
        metavar="N",
        type=value_of("workers"),
        help="processes that serve requests (one per CPU)",
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
    parser.add_argument(
        "--admin", metavar="HOST:PORT", type=value_of("admin"), help="the gateway's --admin"
    )
    _add_config(parser)
    _add_json(parser)


def _add_user(commands: _Commands) -> None:
    parser = _command(
        commands,
        "user",
        "who may sign calls to the control API",
        """
        Make, list or remove users of the control API. A user has an access key, with which AWS's
        clients sign. They are kept in users.toml in the data directory, which only its owner may
        read; a running gateway sees a change at once.

        examples:
          stagegate user add alice
          stagegate user add grafana --role read-only
          stagegate user list
          stagegate user remove alice
        """,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a user, and print the key once")
    add.add_argument("name", metavar="NAME", type=user_name, help="letters, digits and _.@-")
    add.add_argument(
        "--role",
        choices=("admin", "read-only"),
        default="admin",
        help="read-only may call what GET serves, and sees no values of keys (admin)",
    )
    remove = actions.add_parser("remove", help="forget a user and the key")
    remove.add_argument("name", metavar="NAME", help="the user's name")
    listing = actions.add_parser("list", help="show names, roles and access keys")
    for action in (add, remove, listing):
        _add_config(action)
        _add_data(action)
        _add_json(action)


def _add_audit(commands: _Commands) -> None:
    parser = _command(
        commands,
        "audit",
        "who changed what through the control API",
        """
        Print the audit trail of the control API, oldest first. Every mutation is one record, and
        every one that was refused; with --json each is a line in CloudTrail's field names.

        examples:
          stagegate audit --since 2h
          stagegate audit --user alice --event DeleteStage
          stagegate audit --since 2026-05-01T00:00:00Z --json | jq .requestParameters
        """,
    )
    parser.add_argument(
        "--since", metavar="TIME", help="not older than 30m, 12h, 7d, or a time in ISO 8601"
    )
    parser.add_argument("--user", metavar="NAME", help="of this user only")
    parser.add_argument("--event", metavar="NAME", help="such as CreateDeployment only")
    parser.add_argument("--limit", metavar="N", type=count, help="the newest N only")
    _add_config(parser)
    _add_data(parser)
    _add_json(parser)


def _add_export(commands: _Commands) -> None:
    parser = _command(
        commands,
        "export",
        "write an API made by AWS's clients as files",
        """
        Write an API of the control plane as files: apis/API.yaml, and apis/versions/ for what else
        its stages serve. They load back as the same API, with the same ids. Once they are in the
        configuration directory, the files manage the API.

        examples:
          stagegate export a1b2c3d4e5
          stagegate export a1b2c3d4e5 --out config --data /var/lib/stagegate
        """,
    )
    parser.add_argument("api", metavar="API", help="the API's id")
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where to write to (the current directory)"
    )
    _add_config(parser)
    _add_data(parser)
