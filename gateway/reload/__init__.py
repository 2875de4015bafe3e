"""From loaded files to the next release, and what it changes. No I/O and no clock here."""

from gateway.reload.differences import Change, Difference, differences
from gateway.reload.reloader import Reloader
from gateway.reload.report import Capacities, ReloadReport

__all__ = ["Capacities", "Change", "Difference", "ReloadReport", "Reloader", "differences"]
