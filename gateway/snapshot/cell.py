"""The single mutable reference of the data plane."""

from __future__ import annotations

from gateway.snapshot.compiled import Snapshot


class SnapshotCell:
    """Holds the snapshot that new requests use. Its one writer is the worker's release client."""

    __slots__ = ("current",)

    def __init__(self, current: Snapshot) -> None:
        self.current = current

    def __repr__(self) -> str:
        return f"<SnapshotCell {self.current!r}>"
