"""`stagegate user`: who may sign calls to the control API."""

from __future__ import annotations

import argparse

from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output
from gateway.control.user_changes import add_recorded, remove_recorded
from gateway.control.users import load_users


def user(arguments: argparse.Namespace, output: Output) -> int:
    """Add, list or remove users in the data directory; a running gateway sees it at once.

    Who made or removed one is in the audit trail.

    Raises:
        ConfigurationError: the users' file cannot be used, or the name does not fit.
    """
    settings = settings_of(arguments)
    if arguments.action == "add":
        made = add_recorded(settings, arguments.name, arguments.role)
        told = {
            "name": made.name,
            "role": made.role,
            "accessKeyId": made.access_key,
            "secretAccessKey": made.secret_key,
        }
        if arguments.json:
            output.json(told)
        else:
            output.line(f"user {made.name}, {made.role}; the secret is shown only now:")
            output.line(f"  AWS_ACCESS_KEY_ID={made.access_key}")
            output.line(f"  AWS_SECRET_ACCESS_KEY={made.secret_key}")
    elif arguments.action == "remove":
        remove_recorded(settings, arguments.name)
        output.line(f"user {arguments.name} is gone; the key opens nothing any more")
    else:
        users = sorted(load_users(settings.data).values(), key=lambda each: each.name)
        if arguments.json:
            output.json(
                [
                    {"name": each.name, "role": each.role, "accessKeyId": each.access_key}
                    for each in users
                ]
            )
        else:
            output.table(
                ("user", "role", "access key"),
                [(each.name, each.role, each.access_key) for each in users],
            )
    return 0
