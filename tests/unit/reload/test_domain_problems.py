"""Facts about domains that only the whole release can tell."""

from __future__ import annotations

from dataclasses import replace

from gateway.definitions.domain import DomainName, MutualTlsAuthentication
from gateway.errors import Problem
from gateway.reload.domain_problems import open_beside, problems_among, unknown_references
from tests.builders import api, domain, mock, release

PETS = api({"/pets": {"GET": mock()}})
MADE = release(PETS)
MUTUAL = MutualTlsAuthentication(truststore_uri="t.pem")


def test_an_api_that_other_hosts_serve_is_warned_of() -> None:
    guarded = replace(
        domain("a.example.com", none="dev", x="dev"), mutual_tls_authentication=MUTUAL
    )
    (warning,) = open_beside(guarded, MADE.stages, MADE.deployments)

    assert warning.severity == "warning"
    assert "shop is served without a client certificate, too" in warning.message
    assert (
        list(open_beside(domain("a.example.com", none="dev"), MADE.stages, MADE.deployments)) == []
    )


def test_a_closed_endpoint_is_fine_and_so_is_an_api_that_is_not_there() -> None:
    closed = release(
        replace(PETS, rest_api=replace(PETS.rest_api, disable_execute_api_endpoint=True))
    )
    guarded = replace(domain("a.example.com", none="dev"), mutual_tls_authentication=MUTUAL)

    assert list(open_beside(guarded, closed.stages, closed.deployments)) == []
    assert list(open_beside(guarded, {}, {})) == []


def test_references_that_lead_nowhere_are_named() -> None:
    domains = (domain("a.example.com", none="nowhere"),)

    (stage,) = unknown_references(domains, MADE.stages, ())
    assert "names the stage nowhere of shop" in stage.message
    (api_problem,) = unknown_references(domains, {}, ())
    assert "names the API shop, which is not there" in api_problem.message
    assert list(unknown_references(domains, {}, ("shop",))) == []


def test_problems_are_told_by_their_domain() -> None:
    problems = (Problem("a.example.com.x", "one"), Problem("b.example.com", "two"))

    found = problems_among(problems, (DomainName(domain_name="b.example.com"),))
    assert [problem.message for problem in found] == ["two"]
    assert list(problems_among(problems, ())) == []
