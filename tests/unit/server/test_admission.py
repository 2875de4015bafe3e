from __future__ import annotations

from gateway.server.admission import Admission, connections_for_descriptors, descriptor_limit
from gateway.server.refusal import ADDRESS_LIMIT, CONNECTION_LIMIT


def test_connections_in_all_are_bounded() -> None:
    admission = Admission(2, 0)
    assert admission.admit("a") is None
    assert admission.admit("a") is None
    assert admission.admit("b") == CONNECTION_LIMIT
    admission.release("a")

    assert admission.admit("b") is None
    assert repr(admission) == "<Admission 2/2 connections>"
    assert admission.most == 2


def test_connections_of_one_address_are_bounded() -> None:
    admission = Admission(10, 1)
    assert admission.admit("a") is None
    assert admission.admit("a") == ADDRESS_LIMIT
    assert admission.admit("b") is None
    admission.release("a")

    assert admission.admit("a") is None
    assert admission.open == 2


def test_addresses_without_connections_are_forgotten() -> None:
    admission = Admission(10, 1)
    admission.admit("a")
    admission.release("a")

    assert admission._by_address == {}


def test_every_client_may_need_a_backend_within_the_limit_on_open_files() -> None:
    assert connections_for_descriptors(1024) == 480
    assert connections_for_descriptors(10) == 16


def test_the_default_bound_comes_from_this_process() -> None:
    assert descriptor_limit() > 0
    assert Admission(0, 0).admit("a") is None
