"""What `/status` tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway import __version__
from gateway.build import BUILD
from gateway.clock import Clock
from gateway.control.deployed_problems import DeployedProblems
from gateway.control.publisher import Publisher
from gateway.control.workers import WorkerLinks
from gateway.errors import Problem
from gateway.settings import Settings
from gateway.supervisor import SupervisionTable
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.metrics import Cell


class Status:
    """Gathers what the processes of this gateway know about themselves."""

    def __init__(
        self,
        *,
        settings: Settings,
        addresses: Mapping[str, str],
        publisher: Publisher,
        links: WorkerLinks,
        supervision: SupervisionTable,
        exposition: Exposition,
        deployed: DeployedProblems,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._addresses = addresses
        self._publisher = publisher
        self._links = links
        self._supervision = supervision
        self._exposition = exposition
        self._deployed = deployed
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Status of {self._supervision.workers} workers>"

    def report(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        release = self._publisher.release
        supervisor_pid, supervisor_started = self._supervision.supervisor()
        return {
            "version": __version__,
            "build": BUILD,
            "revision": release.revision,
            "digest": release.digest,
            "region": release.region,
            "account": release.account,
            "listen": self._addresses["listen"],
            "listen_tls": self._addresses.get("listen_tls"),
            "admin": self._addresses["admin"],
            "config": str(self._settings.config.absolute()),
            "data": str(self._settings.data.absolute()),
            "apis": {
                api_id: {
                    "file": release.files.get(api_id),
                    "stages": {name: stage.deployment_id for name, stage in stages.items()},
                }
                for api_id, stages in release.stages.items()
            },
            "domains": [domain.domain_name for domain in release.domains],
            "certificates": {
                each.domain_name: {
                    "certificate": each.certificate or None,
                    "not_after": _time(each.not_after) if each.certificate else None,
                    "truststore": each.truststore or None,
                }
                for each in release.certificates.values()
            },
            "supervisor": {
                "pid": supervisor_pid,
                "uptime_seconds": self._since(supervisor_started),
            },
            "control": self._process(-1),
            "workers": [self._worker(index) for index in range(self._supervision.workers)],
            "last_reload": self._last_reload(),
            **self._problems(),
            "unserved": self._publisher.unserved.texts(),
        }

    def _process(self, index: int) -> dict[str, Any]:
        pid, restarts, started = self._supervision.process(index)
        return {
            "pid": pid or None,
            "restarts": restarts,
            "uptime_seconds": self._since(started) if pid else None,
        }

    def _worker(self, index: int) -> dict[str, Any]:
        state = self._links.states.get(index)
        told: dict[str, Any] = {"worker": index, **self._process(index)}
        beat = self._exposition.of_worker(index, Cell.HEARTBEAT)
        told["heartbeat_age_seconds"] = round(self._clock.now() - beat, 3) if beat else None
        if state is None:
            return {**told, "is_connected": False, "revision": None, "digest": None}
        told |= {
            "is_connected": True,
            "is_draining": state.is_draining,
            "revision": state.revision or None,
            "digest": state.digest or None,
            "compile_seconds": round(state.compile_seconds, 6),
        }
        if state.refused_revision > state.revision:
            told["refused"] = {
                "revision": state.refused_revision,
                "problems": list(state.problems),
            }
        return told

    def _last_reload(self) -> dict[str, Any] | None:
        state = self._publisher.state
        report = state.report
        if report is None or state.epoch is None:
            return None
        problems = (*report.problems, *state.settings_problems)
        return {
            "time": _time(state.epoch),
            "ok": report.is_ok,
            "reason": state.reason,
            "seconds": round(state.seconds or 0.0, 6),
            "succeeded": state.succeeded,
            "failed": state.failed,
            "kept": list(report.kept),
            "missing": list(report.missing),
            "problems": [_problem(problem) for problem in problems],
        }

    def _problems(self) -> dict[str, Any]:
        """Return what clients made and is answered 500."""
        problems, left_out = self._deployed.problems(self._publisher.release.files)
        return {
            "problems": [
                {**_problem(each.problem), "owner": each.owner, "text": str(each)}
                for each in problems
            ],
            "problems_left_out": left_out,
        }

    def _since(self, epoch: float) -> float:
        return round(max(0.0, self._clock.epoch() - epoch), 3)


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "text": str(problem),
    }
