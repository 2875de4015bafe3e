"""Token buckets: arithmetic over a table of shared cells. No I/O and no clock in here."""

from gateway.throttle.gcra import Meter, lacking, refusing
from gateway.throttle.table import BucketTable, bytes_needed

__all__ = ["BucketTable", "Meter", "bytes_needed", "lacking", "refusing"]
