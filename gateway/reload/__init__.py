"""From loaded files to the next release, and what it changes. No I/O and no clock here."""

from gateway.reload.differences import Change, Difference, differences
from gateway.reload.reloader import Capacities, Reloader, ReloadReport

__all__ = ["Capacities", "Change", "Difference", "ReloadReport", "Reloader", "differences"]
