"""Makes the next release out of what the files say and what is served now. No I/O, no clock.

The rules it keeps: all or nothing for each API file and for the domains; a broken one stays as it
was last good and holds back no other; a directory that vanished changes nothing; an unchanged
digest is no new revision; whatever was compiled once is not compiled again to be checked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.configuration.files import DOMAINS
from gateway.configuration.keyring import Certified, Certify, no_certificates
from gateway.configuration.loaded import Loaded
from gateway.definitions.domain import DomainName
from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import ConfigurationError, Problem
from gateway.release import (
    ACCOUNT_BUCKET,
    NO_METHOD_BLOCK,
    Deployments,
    Release,
    Stages,
    arms,
    is_method_block,
    required_blocks,
    required_buckets,
)
from gateway.release.encode import encode_api, encode_release, with_account_wide, with_digest
from gateway.release.parts import Part
from gateway.release.slots import Slots
from gateway.reload.absence import unserved_apis, vanished_directory
from gateway.reload.checks import Checks
from gateway.reload.connections import Connections
from gateway.reload.domain_problems import open_beside, problems_among, unknown_references
from gateway.reload.flushes import flushed
from gateway.reload.places import Places
from gateway.reload.report import Capacities, ReloadReport
from gateway.reload.selection import amended, of_api, subset
from gateway.reload.stored import StoredApis
from gateway.reload.usage import UsageState
from gateway.snapshot.check import problems_of_domain_features
from gateway.store.account_wide import NOTHING_WIDE, AccountWide
from gateway.store.served import ServedApi
from gateway.telemetry.metrics import allot

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Draft:
    """The next release while it is put together."""

    stages: dict[str, Mapping[str, Stage]] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(
        self,
        api_id: str,
        stages: Mapping[str, Stage],
        deployments: Mapping[str, Deployment],
        file: str | None,
    ) -> None:
        """Take an API over with the deployments that its stages point at."""
        self.stages[api_id] = stages
        if file is not None:
            self.files[api_id] = file
        for stage in stages.values():
            for _, deployment_id in arms(stage):
                self.deployments[deployment_id] = deployments[deployment_id]


class Reloader:
    """Holds the current release; each `apply` may make the next. One writer: control's reloads."""

    def __init__(
        self,
        start: Release,
        capacities: Capacities,
        parts: Mapping[str, Part] | None = None,
        certify: Certify = no_certificates,
    ) -> None:
        """Begin at `start`: the last good release, or an empty one of revision 0.

        `start` names region, account and the account's throttle as they are to be from now on. With
        `parts`, its deployments may be outlines. `certify` looks up what domains are served with
        over TLS.
        """
        self.release = start
        self.parts: dict[str, Part] = dict(parts or {})
        """The current release in its travelling form."""
        self._capacities = capacities
        self._buckets = Slots(
            "token buckets",
            capacities.buckets,
            reserved=ACCOUNT_BUCKET,
            assigned=start.bucket_slots,
        )
        self._blocks = Slots(
            "metric blocks",
            capacities.blocks,
            reserved=NO_METHOD_BLOCK,
            assigned=start.metric_slots,
        )
        self._stored = StoredApis(start, self.parts)
        """What the store holds. Files win over it."""
        stored = start.stored_domains
        self.file_domains = tuple(each for each in start.domains if each.domain_name not in stored)
        """Custom domain names that the files define, as they were last good."""
        self._stored_domains = tuple(each for each in start.domains if each.domain_name in stored)
        """Those that clients made: of the last good release, until the store was read."""
        self._connections = Connections(start)
        self._checks = Checks(self._connections)
        self._places = Places()
        self._certify = certify
        self._usage = UsageState(start, capacities.usage_rows, capacities.key_buckets)

    def __repr__(self) -> str:
        return f"<Reloader revision {self.release.revision} {self.release.digest}>"

    def outnumber(self, revision: int) -> None:
        """Make sure that the next release's revision is above `revision`, which a worker serves."""
        if revision > self.release.revision:
            self.release = replace(self.release, revision=revision)

    def apply(self, loaded: Loaded, *, may_be_absent: bool = False) -> ReloadReport:
        """Make a release of what was loaded; what is broken stays as it is.

        `may_be_absent`: whether a directory without API files is taken at its word (at the start)
        or as an error (while running).
        """
        vanished = sorted(self.release.files) if loaded.is_absent else []
        if vanished and not may_be_absent:
            return self._refused((*loaded.problems, vanished_directory(loaded.directory, vanished)))
        self._connections.take_files(loaded)
        draft = _Draft(problems=list(loaded.problems))
        if vanished:
            draft.problems.append(unserved_apis(loaded.directory, vanished))
        for api_id, api in loaded.apis.items():
            found = self._checks.problems_of(api)
            draft.problems += found
            if any(problem.severity == "error" for problem in found):
                self._keep(api_id, draft)
            else:
                draft.add(api_id, api.stages, api.deployments, Path(api.file).name)
        for api in loaded.partial.values():
            draft.problems += self._checks.further(api, loaded.problems)
        for api_id in sorted(self._broken(loaded)):
            self._keep(api_id, draft)
        self._add_stored(draft)
        file_domains = self._domains(loaded, draft)
        self._usage.take(loaded)
        self._checks.keep(loaded.apis, draft.deployments)
        return replace(self._release(draft, file_domains), unserved=tuple(vanished))

    def known_deployments(self) -> frozenset[str]:
        """Return the ids of the deployments that need not be read from the store again."""
        return self._stored.deployment_ids

    @property
    def unfit(self) -> Mapping[str, tuple[Problem, ...]]:
        """APIs of the store that stay as they were, because what is stored now cannot travel."""
        return self._stored.unfit

    def hold_all_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        wide: AccountWide = NOTHING_WIDE,
    ) -> None:
        """Take over everything that the store holds; the next `apply` releases it."""
        names = {domain.domain_name for domain in wide.domains or ()}
        # A release of an earlier version does not say whose its domains are.
        self.file_domains = tuple(
            domain for domain in self.file_domains if domain.domain_name not in names
        )
        self._take_wide(wide)
        self._stored.forget_others(stored.keys())
        self._stored.take(stored)

    def usage_problems(self) -> list[Problem]:
        """Return a warning for each usage plan or API key that is not served."""
        return self._usage.problems()

    def apply_stored(
        self,
        stored: Mapping[str, ServedApi | None],
        wide: AccountWide = NOTHING_WIDE,
    ) -> bool:
        """Make a release of what the store says of some APIs now; return whether it is a new one.

        Its cost is that of these APIs: all others keep their parts and slots. What `wide` leaves
        out is as it was.

        Raises:
            ConfigurationError: the shared tables are too small; the release stays.
        """
        self._stored.take(stored)
        before = self.release
        self._take_wide(wide)
        api_ids = [api_id for api_id in stored if api_id not in before.files]
        if not api_ids and not wide:
            return False
        old = subset(before, api_ids)
        new = _Draft()
        for api_id in api_ids:
            if (held := self._stored.get(api_id)) is not None:
                new.add(api_id, held.stages, held.deployments, None)
        bucket_slots = self._buckets.amend(
            required_buckets(*old), required_buckets(new.stages, new.deployments)
        )
        metric_slots = self._amend_blocks(old, new)
        gone = old[1].keys() - new.deployments.keys()
        stages = amended(before.stages, old[0], new.stages)
        are_domains_new = wide.domains is not None
        candidate = replace(
            before,
            stages=stages,
            deployments=amended(before.deployments, gone, new.deployments),
            domains=self._all_domains(self.file_domains) if are_domains_new else before.domains,
            stored_domains=(
                self._other_names(self.file_domains) if are_domains_new else before.stored_domains
            ),
            certificates=self._certified_stored() if are_domains_new else before.certificates,
            **self._connections.of_release(stages),
            bucket_slots=self._buckets.assigned,
            metric_slots=self._blocks.assigned,
        )
        if wide.usage is not None:
            candidate = self._usage.put_into(candidate)
        keys = [*(f"api/{id_}" for id_ in old[0]), *(f"deployment/{id_}" for id_ in gone)]
        parts = self._amended_parts(candidate, keys, new.deployments)
        for api_id in new.stages:
            part = encode_api(
                candidate, api_id, of_api(bucket_slots, api_id), of_api(metric_slots, api_id)
            )
            parts[part.key] = part
        candidate = with_digest(candidate, parts)
        if candidate.digest == before.digest:
            return False
        self.release = replace(candidate, revision=before.revision + 1)
        self.parts = parts
        return True

    def _take_wide(self, wide: AccountWide) -> None:
        if wide.domains is not None:
            self._stored_domains = wide.domains
        if wide.connections is not None:
            self._connections.take_stored(wide.connections)
        if wide.usage is not None:
            self._usage.hold_stored(wide.usage)

    def flush(self, stages: Iterable[tuple[str, str]]) -> bool:
        """Make a release in which the caches of stages are empty; False: none of them is there."""
        made = flushed(self.release, self.parts, stages)
        if made is not None:
            self.release, self.parts = made
        return made is not None

    def _amended_parts(
        self, candidate: Release, gone: Iterable[str], new: Deployments
    ) -> dict[str, Part]:
        """Return the parts of the release without those that are gone, and with what is new."""
        # Before the first reload there are no parts to amend.
        known = self._stored.parts
        parts = dict(self.parts) if self.parts else encode_release(self.release, known)
        for key in gone:
            del parts[key]
        for key in (f"deployment/{id_}" for id_ in new):
            if key not in parts:
                parts[key] = known[key]
        return with_account_wide(parts, candidate, self.release)

    def _amend_blocks(self, old: tuple[Stages, Deployments], new: _Draft) -> dict[str, int]:
        wanted = list(required_blocks(new.stages, new.deployments))
        dropped = list(required_blocks(*old))
        held = self._blocks.assigned
        gone = set(dropped).difference(wanted)
        kept = [identity for identity in held if identity not in gone]
        fresh = [identity for identity in wanted if identity not in held]
        # As in a reload: methods share a budget, and leave the stages' blocks to stages.
        methods = filter(is_method_block, [*kept, *fresh])
        beyond = set(allot(list(methods), self._capacities.series)[1])
        granted = [identity for identity in fresh if identity not in beyond]
        refused = set(fresh).difference(granted[: self._capacities.blocks - len(kept)])
        return self._blocks.amend(dropped, (name for name in wanted if name not in refused))

    def _add_stored(self, draft: _Draft) -> None:
        for api_id, held in self._stored:
            if api_id in draft.stages:
                text = (
                    f"the API {api_id} made through the control API is not served while "
                    f"{draft.files[api_id]} defines one of the same id"
                )
                draft.problems.append(Problem("", text, severity="warning"))
            else:
                draft.add(api_id, held.stages, held.deployments, None)

    def _broken(self, loaded: Loaded) -> set[str]:
        """Return the ids of APIs whose files are broken.

        A file too broken to tell its API's id goes by its own name, unless it told its id before.
        """
        ids = {name: api_id for api_id, name in self.release.files.items()}
        broken = set(loaded.broken)
        for path in map(Path, loaded.broken_files):
            api_id = ids.get(path.name)
            if api_id is not None and path.stem not in self.release.stages:
                broken.discard(path.stem)
                broken.add(api_id)
        return broken - loaded.apis.keys()

    def _keep(self, api_id: str, draft: _Draft) -> None:
        stages = self.release.stages.get(api_id)
        if stages is None or api_id not in self.release.files:
            draft.missing.append(api_id)
            return
        draft.kept.append(api_id)
        draft.add(api_id, stages, self.release.deployments, self.release.files.get(api_id, ""))

    def _domains(self, loaded: Loaded, draft: _Draft) -> tuple[DomainName, ...]:
        """Return the files' domain names; those that were last good, if there is an error."""
        if loaded.domains is None:
            return self.file_domains
        file = next((str(path) for path in loaded.files if path.name == DOMAINS), None)
        unknown = [
            replace(problem, file=file)
            for problem in unknown_references(loaded.domains, draft.stages, draft.missing)
        ]
        draft.problems += unknown
        for domain in loaded.domains:
            warnings = problems_of_domain_features(domain)
            warnings += open_beside(domain, draft.stages, draft.deployments)
            if any(each.domain_name == domain.domain_name for each in self._stored_domains):
                text = "one of the same name, made through the control API, is not served meanwhile"
                warnings.append(Problem(domain.domain_name, text, severity="warning"))
            draft.problems += [replace(problem, file=file) for problem in warnings]
        return self.file_domains if unknown else loaded.domains

    def _all_domains(self, of_files: tuple[DomainName, ...]) -> tuple[DomainName, ...]:
        """Return the domain names of files and store; a file's wins over the store's."""
        return (*of_files, *self._other_domains(of_files))

    def _other_domains(self, of_files: tuple[DomainName, ...]) -> tuple[DomainName, ...]:
        names = {domain.domain_name for domain in of_files}
        return tuple(each for each in self._stored_domains if each.domain_name not in names)

    def _other_names(self, of_files: tuple[DomainName, ...]) -> frozenset[str]:
        return frozenset(each.domain_name for each in self._other_domains(of_files))

    def _certified(self, of_files: tuple[DomainName, ...]) -> Certified:
        """Return what all domains are served with over TLS."""
        others = self._other_domains(of_files)
        return self._certify(of_files, others, self.release.certificates)

    def _certified_stored(self) -> Mapping[str, ServedCertificate]:
        """Return the same after a change in the store; what is wrong with that goes to the log."""
        certified = self._certified(self.file_domains)
        for problem in problems_among(certified.problems, self._stored_domains):
            _log.warning("%s", problem)
        return certified.certificates

    def _release(self, draft: _Draft, file_domains: tuple[DomainName, ...]) -> ReloadReport:
        self._places.take(draft.stages, draft.deployments)
        # Taken also where nothing is released, or each refused edit would leave its own behind.
        measured = self._checks.take_parts()
        try:
            bucket_slots = self._buckets.assign(self._places.buckets())
        except ConfigurationError as error:
            return self._refused((*draft.problems, *error.problems))
        metric_slots, refused = self._metric_slots()
        self.file_domains = file_domains
        certified = self._certified(file_domains)
        draft.problems += certified.problems
        candidate = replace(
            self.release,
            stages=draft.stages,
            deployments=draft.deployments,
            files=draft.files,
            domains=self._all_domains(file_domains),
            stored_domains=self._other_names(file_domains),
            certificates=certified.certificates,
            **self._connections.of_release(draft.stages),
            bucket_slots=bucket_slots,
            metric_slots=metric_slots,
        )
        candidate = self._usage.put_into(candidate)
        draft.problems += self._usage.problems()
        known = {**self._stored.parts, **measured, **self.parts}
        parts = encode_release(candidate, known, self._places.parts(candidate))
        candidate = with_digest(candidate, parts)
        is_changed = candidate.digest != self.release.digest or not self.release.revision
        if is_changed:
            self.release = replace(candidate, revision=self.release.revision + 1)
            self.parts = parts
        return ReloadReport(
            is_changed=is_changed,
            revision=self.release.revision,
            digest=self.release.digest,
            problems=tuple(draft.problems),
            kept=tuple(draft.kept),
            missing=tuple(draft.missing),
            without_blocks=refused,
        )

    def _metric_slots(self) -> tuple[Mapping[str, int], int]:
        """Return the slots of metric blocks, and how many methods the budget left without one."""
        known = self._blocks.assigned
        methods = list(self._places.method_blocks())
        if not known.keys() >= set(methods):
            # Sorting is stable: who has a block keeps it.
            methods.sort(key=lambda name: name not in known)
        granted, refused = allot(methods, self._capacities.series)
        fitting = (*self._places.stage_blocks(), *granted)[: self._capacities.blocks - 1]
        return self._blocks.assign(fitting), len(refused)

    def _refused(self, problems: tuple[Problem, ...]) -> ReloadReport:
        return ReloadReport(
            is_changed=False,
            revision=self.release.revision,
            digest=self.release.digest,
            problems=problems,
            kept=tuple(self.release.stages),
        )
