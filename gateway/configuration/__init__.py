"""Files → settings and definitions, every problem named with its file, line and column."""

from gateway.configuration.files import load
from gateway.configuration.loaded import Loaded, LoadedApi, Placement
from gateway.configuration.settings_file import load_settings

__all__ = ["Loaded", "LoadedApi", "Placement", "load", "load_settings"]
