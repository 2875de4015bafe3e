"""Facts about where certificates lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration.certificate_places import pair_places, truststore_places
from gateway.definitions.domain import DomainName

HERE = (Path("/config"), Path("/data"))
ARN = "arn:aws:acm:us-east-1:000000000000:certificate/"


def domain(**named: str) -> DomainName:
    return DomainName(domain_name="a.example.com", **named)  # type: ignore[arg-type]


def test_files_are_relative_to_the_configuration() -> None:
    (place,) = (
        pair_places(domain(certificate_file="keys/a.pem", private_key_file="/k/a"), HERE) or ()
    )
    (whole,) = pair_places(domain(certificate_file="a.pem"), HERE) or ()

    assert (place.certificate, place.key) == (Path("/config/keys/a.pem"), Path("/k/a"))
    assert whole.certificate == whole.key
    assert pair_places(domain(), HERE) is None


def test_an_arn_names_files_of_two_directories() -> None:
    for name in ("regional_certificate_arn", "certificate_arn"):
        places = pair_places(domain(**{name: f"{ARN}12-ab"}), HERE) or ()

        assert [(str(each.certificate), str(each.key)) for each in places] == [
            ("/config/certificates/12-ab.pem", "/config/certificates/12-ab.key"),
            ("/data/certificates/12-ab.pem", "/data/certificates/12-ab.key"),
        ]


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a b", "a\0b", "x" * 129, "é"])
def test_an_arn_names_nothing_else(name: str) -> None:
    with pytest.raises(ValueError, match="must end in /NAME"):
        pair_places(domain(regional_certificate_arn=ARN + name), HERE)
    with pytest.raises(ValueError, match="must end in /NAME"):
        pair_places(domain(regional_certificate_arn="arn"), HERE)


def test_a_trust_store_is_a_file_or_an_object_of_s3() -> None:
    assert truststore_places("t/p.pem", HERE) == (Path("/config/t/p.pem"),)
    assert truststore_places("s3://bucket/a/b.pem", HERE) == (
        Path("/config/truststores/bucket/a/b.pem"),
        Path("/data/truststores/bucket/a/b.pem"),
    )


@pytest.mark.parametrize(
    "rest", ["", "bucket", "bucket/", "bucket/../../k", "../k", "b/a//c", "b/./c"]
)
def test_an_object_of_s3_names_nothing_else(rest: str) -> None:
    with pytest.raises(ValueError, match="must be s3://BUCKET/KEY"):
        truststore_places(f"s3://{rest}", HERE)
