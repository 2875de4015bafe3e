"""Facts about the addresses of VPC links; files are in tests/unit/configuration."""

from __future__ import annotations

import pytest

from gateway.definitions.vpc_link import VpcLinkTargets, problems_of_targets


@pytest.mark.parametrize("target", ["10.0.0.5", "10.0.0.5:1", "app.internal:65535", "[::1]:80"])
def test_address_with_or_without_port_is_right(target: str) -> None:
    assert problems_of_targets(VpcLinkTargets(targets=(target,)), "link") == []


@pytest.mark.parametrize("target", ["", "a b", "a:", "a:x", ":80", "a/b", "a:99999", "::1", "[a]"])
def test_anything_else_is_named(target: str) -> None:
    (problem,) = problems_of_targets(VpcLinkTargets(targets=("a", target)), "link")

    assert problem.path == "link.targets[1]"


def test_number_is_bounded() -> None:
    (problem,) = problems_of_targets(VpcLinkTargets(targets=("a",) * 101), "link")

    assert "1 to 100 addresses, not 101" in problem.message
