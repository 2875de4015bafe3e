from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.control.api.patch import PatchOperation, Working
from gateway.control.api.usage_plan_patch import check_description, check_name, patch_plan
from gateway.errors import ControlError

STAGE = "a:prod"
THROTTLE = f"/apiStages/{STAGE}/throttle"


def patched(*operations: tuple[str, str, str | None], **before: Any) -> Working:
    working: Working = {
        "id": "p",
        "name": "gold",
        "description": None,
        "product_code": None,
        "throttle": None,
        "quota": None,
        "stages": {STAGE: None},
        "check_stage": lambda _key: None,
        **copy.deepcopy(before),
    }
    patch_plan(
        [PatchOperation(op=op, path=path, value=value) for op, path, value in operations], working
    )
    return working


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("~1pets/GET", "/pets/GET"),
        ("pets/GET", "/pets/GET"),
        ("/pets/GET", "/pets/GET"),
        ("~1pets~1{petId}/GET", "/pets/{petId}/GET"),
        ("/pets/{petId}/GET", "/pets/{petId}/GET"),
        ("~1/ANY", "//ANY"),
        ("//ANY", "//ANY"),
        ("~1a~1rateLimit/GET", "/a/rateLimit/GET"),
    ],
)
def test_a_method_is_named_escaped_or_as_it_is(path: str, key: str) -> None:
    working = patched(("replace", f"{THROTTLE}/{path}/rateLimit", "2"))

    assert working["stages"] == {STAGE: {key: {"rateLimit": 2.0}}}
    assert patched(("remove", f"{THROTTLE}/{path}", None), stages=working["stages"])["stages"] == {
        STAGE: None
    }


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "[]",
        "1",
        '{"/a/GET": 1}',
        '{"/a/GET": {"rateLimit": "1"}}',
        '{"/a/GET": {"rateLimit": true}}',
        '{"/a/GET": {"burstLimit": 1.5}}',
        '{"/a/GET": {"other": 1}}',
    ],
)
def test_throttles_are_a_json_object(value: str | None) -> None:
    with pytest.raises(ControlError, match="Invalid throttle specified"):
        patched(("replace", THROTTLE, value))


def test_an_empty_object_removes_the_throttles() -> None:
    stages = {STAGE: {"/a/GET": {"rateLimit": 1.0}}}

    assert patched(("replace", THROTTLE, "{}"), stages=stages)["stages"] == {STAGE: None}


def test_a_stage_that_is_added_again_keeps_its_throttles() -> None:
    stages = {STAGE: {"/a/GET": {"rateLimit": 1.0}}}

    assert patched(("add", "/apiStages", STAGE), stages=stages)["stages"] == stages


def test_a_quota_must_be_complete_in_the_end_only() -> None:
    working = patched(("add", "/quota/period", "DAY"), ("add", "/quota/limit", "5"))

    assert working["quota"] == {"limit": 5, "offset": 0, "period": "DAY"}
    with pytest.raises(ControlError, match="quota limit"):
        patched(("add", "/quota/period", "DAY"))


@pytest.mark.parametrize(
    "path",
    ["", "/", "name", "/quota", "/apiStages/a:prod", f"{THROTTLE}/x", "/throttle/other", "/tags"],
)
def test_another_path_is_refused_with_what_there_is(path: str) -> None:
    with pytest.raises(ControlError, match=r"Must be one of: \[.*<apidId:stageName>"):
        patched(("add", path, "1"))


def test_texts_are_bounded() -> None:
    assert check_name("x" * 1024) == "x" * 1024
    assert check_description(None) is None
    for call in (
        lambda: check_name(""),
        lambda: check_name("x" * 1025),
        lambda: check_description("x" * 125_001),
        lambda: patched(("add", "/productCode", "x" * 257)),
    ):
        with pytest.raises(ControlError, match="characters"):
            call()
