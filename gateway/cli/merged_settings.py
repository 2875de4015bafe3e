"""A command's settings. Apart from `inputs`: `run` need not wait for what the others read."""

from __future__ import annotations

import argparse
import os

from gateway.cli.arguments import SETTING_FLAGS
from gateway.configuration.settings_file import load_settings
from gateway.settings import Settings


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings of a command: flags before environment before `gateway.toml`.

    Raises:
        ConfigurationError: with every problem found.
    """
    flags = {name: getattr(arguments, name, None) for name in SETTING_FLAGS}
    return load_settings(None, os.environ, flags)
