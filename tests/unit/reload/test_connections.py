"""Facts about certificates and links of files and store, together."""

from __future__ import annotations

from dataclasses import replace

from gateway.configuration.client_certificates import LoadedCertificates
from gateway.configuration.loaded import Loaded
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.stage import Stage
from gateway.release import Release
from gateway.reload.connections import Connections
from gateway.store.connections import StoredConnections

EMPTY = Release(revision=0, digest="", region="us-east-1", account="000000000000")


def certificate(id_: str, text: str) -> ClientCertificate:
    return ClientCertificate(
        client_certificate_id=id_, certificate=text, private_key="", expiration_epoch=0
    )


def loaded(*broken: str, **certificates: str) -> Loaded:
    return Loaded(
        client_certificates=LoadedCertificates(
            certificates={id_: certificate(id_, text) for id_, text in certificates.items()},
            broken=frozenset(broken),
        )
    )


def stored(**certificates: str) -> StoredConnections:
    return StoredConnections(
        certificates={id_: certificate(id_, text) for id_, text in certificates.items()}
    )


def known(connections: Connections) -> dict[str, str]:
    return {id_: each.certificate for id_, each in connections.certificates().items()}


def test_file_wins_over_the_store() -> None:
    connections = Connections(EMPTY)
    connections.take_stored(stored(a="stored", b="stored"))
    connections.take_files(loaded(a="file"))

    assert known(connections) == {"a": "file", "b": "stored"}


def test_broken_file_leaves_what_it_was_and_a_deleted_one_nothing() -> None:
    connections = Connections(EMPTY)
    connections.take_files(loaded(a="one", b="one"))
    connections.take_files(loaded("a", "never"))

    assert known(connections) == {"a": "one"}


def test_directory_that_cannot_be_listed_says_nothing() -> None:
    connections = Connections(EMPTY)
    connections.take_files(loaded(a="one"))
    connections.take_files(Loaded(client_certificates=LoadedCertificates(is_unreadable=True)))

    assert known(connections) == {"a": "one"}


def test_what_was_last_good_stays_until_files_and_store_are_read() -> None:
    start = replace(
        EMPTY,
        client_certificates={id_: certificate(id_, "last") for id_ in "ab"},
        vpc_links={"l": ("last",), "m": ("last",)},
        stored_connections=frozenset({"a", "l"}),
    )
    connections = Connections(start)
    connections.take_files(loaded())

    assert known(connections) == {"a": "last"}
    assert connections.vpc_links() == {"l": ("last",)}

    connections.take_files(Loaded(vpc_links={"arn:l": ("new",)}))
    connections.take_stored(StoredConnections(link_targets={"l": "arn:l"}))

    assert known(connections) == {}
    assert connections.vpc_links() == {"l": ("new",), "arn:l": ("new",)}


def test_a_release_says_what_is_the_stores() -> None:
    connections = Connections(EMPTY)
    connections.take_files(replace(loaded(a="file"), vpc_links={"arn:l": ("here",)}))
    connections.take_stored(
        replace(stored(a="stored", b="stored"), link_targets={"l": "arn:l", "lost": "arn:m"})
    )
    stages = {"shop": {id_: Stage(stage_name=id_, client_certificate_id=id_) for id_ in ("a", "b")}}

    assert connections.of_release(stages)["stored_connections"] == {"b", "l"}


def test_only_what_stages_name_is_served() -> None:
    connections = Connections(EMPTY)
    connections.take_files(loaded(a="one", b="one"))
    stages = {
        "shop": {
            "dev": Stage(stage_name="dev", client_certificate_id="a"),
            "prod": Stage(stage_name="prod", client_certificate_id="lost"),
            "open": Stage(stage_name="open"),
        }
    }

    assert list(connections.certificates_of(stages)) == ["a"]


def test_links_lead_where_the_file_says_by_id_or_by_arn() -> None:
    connections = Connections(EMPTY)
    connections.take_stored(
        StoredConnections(link_targets={"one": "arn:1", "two": "arn:2", "three": "arn:3"})
    )
    connections.take_files(Loaded(vpc_links={"arn:1": ("a",), "two": ("b",), "arn:2": ("c",)}))
    links = connections.vpc_links()

    assert (links["one"], links["two"]) == (("a",), ("b",))
    assert "three" not in links

    connections.take_files(Loaded(vpc_links=None))
    assert connections.vpc_links() == links
