"""What is counted and logged of a request, whatever became of it."""

import re
import uuid

import pytest

from gateway.definitions.stage import AccessLogSettings, LoggingLevel, MethodSetting, Stage
from gateway.messages import EndpointResponse
from gateway.telemetry.metrics import BLOCK_CELLS, HEADER_CELLS, THROTTLED
from tests.builders import World, api, mock, proxy, release, request, settings

FORMAT = "$context.requestId $context.status $context.httpMethod $context.resourcePath"


def shop(**fields: object) -> World:
    definition = api({"/pets": {"GET": mock(200, "x"), "POST": proxy()}})
    return World(release(definition, Stage(stage_name="dev", **fields)))  # type: ignore[arg-type]


def block(world: World, index: int) -> list[float]:
    start = HEADER_CELLS + index * BLOCK_CELLS
    return list(world.metrics._cells[start : start + BLOCK_CELLS])


def test_ids_are_fresh_for_each_request() -> None:
    world = shop()
    exchanges = [world.service.open(request()) for _ in range(100)]

    assert len({one.request_id for one in exchanges}) == 100
    assert uuid.UUID(exchanges[0].request_id).version == 4
    assert exchanges[0].extended_request_id.endswith("=")


def test_requests_count_in_their_stages_block_and_lost_ones_in_block_0() -> None:
    world = shop()
    world.ask()
    world.ask("GET", "/dev/nope")
    world.ask("GET", "/x", host="nobody")
    stage = world.cell.current.apis["shop"]["dev"].base.metrics_block

    assert stage != 0
    assert sum(block(world, stage)[:5]) == 2
    assert sum(block(world, 0)[:5]) == 1


def test_throttled_requests_are_counted() -> None:
    world = shop(method_settings=settings(all_={"throttlingRateLimit": 0}))
    world.ask()
    stage = world.cell.current.apis["shop"]["dev"].base.metrics_block

    assert block(world, stage)[THROTTLED] == 1


@pytest.mark.parametrize(
    ("target", "line"),
    [("/dev/pets", r"200 GET /pets"), ("/dev/nope", r"403 GET -")],
)
def test_every_request_of_a_stage_is_in_its_access_log(target: str, line: str) -> None:
    world = shop(access_log_settings=AccessLogSettings(destination="a.log", format=FORMAT))
    exchange, _ = world.ask("GET", target)
    expected = f"{exchange.request_id} {line}\n"

    assert re.fullmatch(expected, world.logs.lines["a.log"][0].decode())


def test_execution_logs_follow_the_methods_level() -> None:
    world = shop(
        method_settings={
            "pets/GET": MethodSetting(logging_level=LoggingLevel.INFO),
            "pets/POST": MethodSetting(logging_level=LoggingLevel.ERROR),
        }
    )
    world.ask()
    (lines,) = world.logs.lines.values()
    told = len(lines)
    world.ask("POST")
    quiet = len(lines)
    world.endpoints.answer = _broken
    with pytest.raises(ZeroDivisionError):
        world.ask("POST")

    assert told > 3
    assert quiet == told


def _broken(_request: object) -> EndpointResponse:
    raise ZeroDivisionError


def test_server_timing_is_told_when_it_is_asked_for() -> None:
    world = World(release(api({"/pets": {"GET": proxy()}})), is_server_timing=True)

    def slowly(_request: object) -> EndpointResponse:
        world.clock.time += 0.1234
        return EndpointResponse(200, [], b"")

    world.endpoints.answer = slowly
    _, response = world.ask()

    assert b"Server-Timing: gateway;dur=0.000, integration;dur=123.400, answer;dur=0.000\r\n" in (
        response.head
    )
    assert b"Server-Timing" not in shop().ask()[1].head


def test_refusals_at_the_edge_are_counted_by_reason() -> None:
    world = shop()
    before = list(world.metrics._cells)
    world.service.refused("header_timeout")

    assert sum(world.metrics._cells) == sum(before) + 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("0aBc4567-1234-1234-1234-0123456789ab", "0aBc4567-1234-1234-1234-0123456789ab"),
        ("not-a-uuid", "UUID_REPLACED_INVALID_REQUEST_ID"),
        ("", "UUID_REPLACED_INVALID_REQUEST_ID"),
    ],
)
def test_a_client_may_choose_its_request_id_if_it_is_a_uuid(sent: str, expected: str) -> None:
    exchange = shop().service.open(request(headers={"X-Amzn-RequestId": sent}))

    assert exchange.request_id == expected
