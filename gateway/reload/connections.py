"""What connections to backends need, from files and store together. Pure: no I/O, no clock.

Of one id, the file's certificate or addresses win. A file that is broken leaves what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.configuration.loaded import Loaded
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.stage import Stage
from gateway.release import Release, Stages
from gateway.store.connections import StoredConnections


class Connections:
    """Client certificates and VPC links. One writer: the reloader."""

    def __init__(self, start: Release) -> None:
        """Begin with those of the release that was last good."""
        stored = start.stored_connections
        self._certificates = {
            id_: each for id_, each in start.client_certificates.items() if id_ not in stored
        }
        self._targets = {id_: each for id_, each in start.vpc_links.items() if id_ not in stored}
        self._stored = StoredConnections(
            certificates={
                id_: each for id_, each in start.client_certificates.items() if id_ in stored
            }
        )
        self._last_links = {id_: each for id_, each in start.vpc_links.items() if id_ in stored}
        """Where the store's links led, until the store is read and says what they name."""

    def __repr__(self) -> str:
        return f"<Connections {len(self._certificates)} certificates, {len(self._targets)} links>"

    def take_files(self, loaded: Loaded) -> None:
        """Take over what the files say."""
        found = loaded.client_certificates
        if not found.is_unreadable:
            last = self._certificates
            kept = {id_: last[id_] for id_ in found.broken if id_ in last}
            self._certificates = {**kept, **found.certificates}
        if loaded.vpc_links is not None:
            self._targets = dict(loaded.vpc_links)

    def take_stored(self, stored: StoredConnections) -> None:
        """Take over what the store holds."""
        self._stored = stored
        self._last_links = {}

    def certificates(self) -> dict[str, ClientCertificate]:
        """Return every client certificate that a stage may name."""
        return {**self._stored.certificates, **self._certificates}

    def certificates_of(self, stages: Stages) -> dict[str, ClientCertificate]:
        """Return those that stages do name: no other goes to where requests are served."""
        known = self.certificates()
        named = {id_ for api in stages.values() for id_ in _named(api)}
        return {id_: known[id_] for id_ in sorted(named) if id_ in known}

    def vpc_links(self) -> dict[str, tuple[str, ...]]:
        """Return the addresses of every link that has some, by its id."""
        links = {
            id_: self._targets[arn]
            for id_, arn in self._stored.link_targets.items()
            if arn in self._targets
        }
        return {**self._last_links, **links, **self._targets}

    def of_release(self, stages: Stages) -> dict[str, Any]:
        """Return the fields of a release with these stages: all of it, and what is the store's."""
        certificates, links = self.certificates_of(stages), self.vpc_links()
        own = {*(certificates.keys() - self._certificates), *(links.keys() - self._targets)}
        return {
            "client_certificates": certificates,
            "vpc_links": links,
            "stored_connections": frozenset(own),
        }


def _named(stages: Mapping[str, Stage]) -> set[str]:
    return {
        stage.client_certificate_id
        for stage in stages.values()
        if stage.client_certificate_id is not None
    }
