"""Facts about `vpc-links.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import configuration
from gateway.configuration.vpc_links import load_vpc_links

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shop/50dc6c495c0c9188"


def load(tmp_path: Path, text: str) -> tuple[object, list[str]]:
    path = tmp_path / "vpc-links.yaml"
    path.write_text(text)
    links, problems = load_vpc_links(path)
    return links, [f"{each.line}: {each.path}: {each.message}" for each in problems]


def test_links_go_by_their_id_or_their_targets_arn(tmp_path: Path) -> None:
    text = f"""
shop: {{targets: [10.0.0.5:8080, app.internal, "[fd00::5]:80"]}}
"{ARN}": {{targets: [a]}}
"""

    assert load(tmp_path, text) == (
        {"shop": ("10.0.0.5:8080", "app.internal", "[fd00::5]:80"), ARN: ("a",)},
        [],
    )


def test_empty_file_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, "") == ({}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "must map ids of VPC links"),
        ("shop: [a]", "1: shop: must be a mapping"),
        ("shop: {}", "1: shop.targets: is required"),
        ("shop: {target: [a]}", 'did you mean "targets"?'),
        ("shop: {targets: []}", "must name 1 to 100 addresses, not 0"),
        (
            "shop:\n  targets:\n    - a\n    - http://b",
            "4: shop.targets[1]: must be HOST or HOST:PORT",
        ),
        ("shop: {targets: [a:0]}", "shop.targets[0]: must be"),
        ("shop: {targets: [a:65536]}", "shop.targets[0]: must be"),
    ],
)
def test_mistake_refuses_the_whole_file(tmp_path: Path, text: str, problem: str) -> None:
    links, problems = load(tmp_path, text)

    assert links is None
    assert problem in problems[0]


def test_they_are_loaded_with_everything_else(tmp_path: Path) -> None:
    (tmp_path / "vpc-links.yaml").write_text("shop: {targets: [a]}")
    assert configuration.load(tmp_path).vpc_links == {"shop": ("a",)}
    (tmp_path / "vpc-links.yaml").write_text("shop: {}")
    assert configuration.load(tmp_path).vpc_links is None
