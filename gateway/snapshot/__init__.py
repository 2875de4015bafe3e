"""Releases as they are served: made aside, swapped as one reference."""

from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.check import problems_of_deployment, problems_of_stage
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import CompiledDeployment, CompiledMethod, CompiledStage, Snapshot
from gateway.snapshot.slices import finish
from gateway.snapshot.stage_binder import Binding

__all__ = [
    "Binding",
    "CompiledDeployment",
    "CompiledMethod",
    "CompiledStage",
    "Snapshot",
    "SnapshotCell",
    "compile_release",
    "finish",
    "problems_of_deployment",
    "problems_of_stage",
]
