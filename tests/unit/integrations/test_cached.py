"""Facts about methods behind their stage's cache: hits, keys, refreshes, concurrent misses."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Generator, Mapping
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.definitions.integration import Integration, ResponseTransferMode
from gateway.definitions.stage import CanarySettings, Stage
from gateway.driver import Drive, Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, IntegrationRequest, InvocationResponse
from gateway.telemetry.metrics import BLOCK_CELLS, CACHE_HITS, CACHE_MISSES, HEADER_CELLS
from tests.builders import FakeEndpoints, World, api, body, proxy, release, request, settings

ON = {"cachingEnabled": True, "cacheTtlInSeconds": 60}
OPEN = {**ON, "requireAuthorizationForCacheControl": False}
FRESH = {"Cache-Control": "max-age=0"}
LIMIT = 1000


def shop(
    integration: Integration | None = None,
    *,
    is_on: bool = True,
    stage: Mapping[str, Any] | None = None,
    flushes: Mapping[str, int] | None = None,
    **entries: Mapping[str, object],
) -> World:
    """Return an API whose /pets/{id} is a counting backend behind a cache."""
    methods = {"ANY": integration or proxy(cache_key_parameters=("method.request.path.id",))}
    served = Stage(
        stage_name="dev",
        cache_cluster_enabled=is_on,
        method_settings=settings(**(entries or {"all_": ON})),
        **(stage or {}),
    )
    world = World(release(api({"/pets/{id}": methods}), served, cache_flushes=flushes or {}))
    world.endpoints.answer = lambda _: EndpointResponse(
        200, [(b"Content-Type", b"text/plain")], b"answer %d" % len(world.endpoints.requests)
    )
    return world


def got(world: World, target: str = "/dev/pets/7", **how: Any) -> bytes:
    content = world.ask(target=target, **how)[1].body
    assert isinstance(content, bytes)
    return content


def counted(world: World) -> tuple[float, float]:
    """Return hits and misses of the stage."""
    cells = world.metrics._cells
    starts = range(HEADER_CELLS, len(cells), BLOCK_CELLS)
    return (
        sum(cells[start + CACHE_HITS] for start in starts),
        sum(cells[start + CACHE_MISSES] for start in starts),
    )


def test_an_answer_is_remembered_for_its_time() -> None:
    world = shop()

    assert [got(world) for _ in range(3)] == [b"answer 1"] * 3
    assert counted(world) == (2, 1)
    world.clock.time += 61
    assert got(world) == b"answer 2"


def test_a_hit_is_the_whole_answer_of_the_miss() -> None:
    world = shop()
    first, second = world.ask(target="/dev/pets/7")[1], world.ask(target="/dev/pets/7")[1]

    assert (first.status, first.head, first.body) == (second.status, second.head, second.body)


@pytest.mark.parametrize(
    "world",
    [
        shop(is_on=False),
        shop(all_={"cachingEnabled": False}),
        shop(all_={**ON, "cacheTtlInSeconds": 0}),
        shop(proxy(response_transfer_mode=ResponseTransferMode.STREAM)),
    ],
)
def test_without_any_of_the_conditions_nothing_is_cached(world: World) -> None:
    assert [got(world), got(world)] == [b"answer 1", b"answer 2"]
    assert counted(world) == (0, 0)


def test_only_get_is_cached_until_another_method_says_so_itself() -> None:
    world = shop()
    assert got(world, method="POST") != got(world, method="POST")
    assert got(world, method="HEAD") != got(world, method="HEAD")

    def posts(**entry: object) -> set[bytes]:
        methods = {"POST": proxy(), "GET": proxy()}
        stage = Stage(
            stage_name="dev",
            cache_cluster_enabled=True,
            method_settings=settings(all_=ON, pets__POST=entry),
        )
        world = World(release(api({"/pets": methods}), stage))
        world.endpoints.answer = lambda _: EndpointResponse(
            200, [], b"%d" % len(world.endpoints.requests)
        )
        return {got(world, "/dev/pets", method="POST") for _ in range(3)}

    assert len(posts(throttlingBurstLimit=100)) == 3
    assert len(posts(cachingEnabled=True)) == 1


def test_what_is_not_in_the_key_does_not_tell_answers_apart() -> None:
    world = shop()

    assert got(world, "/dev/pets/7?a=1") == got(world, "/dev/pets/7?a=2")
    assert got(world, "/dev/pets/8") != got(world, "/dev/pets/7")


def test_requests_of_one_head_are_told_apart_by_each_methods_own_key() -> None:
    keys = {
        "/none": (),
        "/user": ("method.request.header.X-User",),
        "/both": ("method.request.header.x-user", "method.request.header.X-Arm"),
        "/sort": ("method.request.querystring.sort", "method.request.header.X-User"),
    }
    resources = {
        path: {"GET": proxy(cache_key_parameters=parameters)} for path, parameters in keys.items()
    }
    stage = Stage(stage_name="dev", cache_cluster_enabled=True, method_settings=settings(all_=ON))
    world = World(release(api(resources), stage))
    world.endpoints.answer = lambda _: EndpointResponse(
        200, [], b"%d" % len(world.endpoints.requests)
    )
    targets = [f"/dev{path}{query}" for path in keys for query in ("", "?sort=up")]
    heads = [{"X-User": "ann"}, {"X-User": "bob"}, {"X-User": "ann", "X-Arm": "b"}]
    first = [[got(world, target, headers=head) for target in targets] for head in heads]

    assert len(set(itertools.chain(*first))) == 1 + 2 + 3 + 2 * 2
    for head, bodies in zip(heads, first, strict=True):
        derived = request(headers=head).derived
        for target, body_of_target in zip(targets, bodies, strict=True):
            asked = request(target=target, headers=head)
            asked.derived = derived
            answer = world.service.answer(world.service.open(asked))
            assert isinstance(answer, InvocationResponse)
            assert answer.body == body_of_target


_PATH, _QUERY, _HEADER = (
    f"method.request.{place}" for place in ("path.id", "querystring.a", "header.X")
)


@pytest.mark.parametrize(
    "parameters",
    [(), (_PATH,), (_QUERY,), (_HEADER,), (_PATH, _QUERY), (_HEADER, _PATH, _QUERY)],
)
def test_what_was_fetched_anew_is_what_others_get_whatever_the_key(
    parameters: tuple[str, ...],
) -> None:
    world = shop(proxy(cache_key_parameters=parameters), all_=OPEN)

    def asked(**headers: str) -> bytes:
        return got(world, "/dev/pets/7?a=b", headers={"X": "y", **headers})

    assert [asked(), asked(), asked(**FRESH), asked()] == [b"answer 1"] * 2 + [b"answer 2"] * 2


@pytest.mark.parametrize("parameters", [(_PATH,), (_HEADER, _PATH)])
def test_an_answer_that_is_asked_for_outlasts_those_that_are_not(
    parameters: tuple[str, ...],
) -> None:
    world = shop(proxy(cache_key_parameters=parameters))
    for index in range(300):
        got(world, f"/dev/pets/{index}")

        assert got(world, "/dev/pets/asked-for") == b"answer 2"
    assert got(world, "/dev/pets/0") != b"answer 1"


def test_resources_share_a_namespace_only_when_it_is_named() -> None:
    def two(namespace: str | None) -> set[bytes]:
        resources = {path: {"GET": proxy(cache_namespace=namespace)} for path in ("/cats", "/dogs")}
        stage = Stage(
            stage_name="dev", cache_cluster_enabled=True, method_settings=settings(all_=ON)
        )
        world = World(release(api(resources), stage))
        world.endpoints.answer = lambda _: EndpointResponse(
            200, [], b"%d" % len(world.endpoints.requests)
        )
        return {got(world, "/dev/cats"), got(world, "/dev/dogs")}

    assert len(two(None)) == 2
    assert len(two("shared")) == 1


@pytest.mark.parametrize(
    ("status", "headers", "is_kept"),
    [
        (200, [], True),
        (404, [], True),
        (429, [], True),
        (206, [], False),
        (304, [], False),
        (412, [], False),
        (416, [], False),
        (500, [], False),
        (200, [(b"set-cookie", b"a=b")], False),
    ],
)
def test_answers_for_one_caller_and_server_errors_are_not_kept(
    status: int, headers: list[tuple[bytes, bytes]], is_kept: bool
) -> None:
    world = shop()
    world.endpoints.answer = lambda _: EndpointResponse(
        status, headers, b"%d" % len(world.endpoints.requests)
    )

    assert (got(world) == got(world)) is is_kept


def test_who_sends_credentials_passes_by_unless_they_are_in_the_key() -> None:
    named = {"Authorization": "Basic YTpi"}
    world = shop()
    assert len({got(world), got(world, headers=named), got(world, headers=named)}) == 3

    keys = ("method.request.path.id", "method.request.header.Authorization")
    world = shop(proxy(cache_key_parameters=keys))
    assert got(world, headers=named) == got(world, headers=named)
    assert got(world) != got(world, headers=named)
    for one, other in (("ann", "bob"), ("bob", "ann")):
        mine, theirs = ({"authorization": f"Bearer {name}"} for name in (one, other))
        assert got(world, headers=mine) != got(world, headers=theirs)


def test_one_who_asks_for_a_part_takes_the_whole_from_nobody() -> None:
    world = shop()
    answering = world.endpoints.answer
    world.endpoints.answer = lambda _: EndpointResponse(206, [], b"a")
    assert got(world, headers={"Range": "bytes=0-0"}) == b"a"

    world.endpoints.answer = answering
    assert got(world) == got(world) == b"answer 2"
    assert got(world, headers={"Range": "bytes=0-0"}) == b"answer 2"


def test_a_get_with_a_body_passes_by() -> None:
    world = shop()
    assert got(world, content=body(b"odd", length=3)) == b"answer 1"
    assert got(world) == b"answer 2"
    assert got(world, content=body(b"odd", length=3)) == b"answer 3"


def test_all_accept_encoding_headers_count() -> None:
    world = shop()
    asked = request(target="/dev/pets/7", headers={"Accept-Encoding": "identity"})
    twice = request(target="/dev/pets/7", headers={"Accept-Encoding": "identity"})
    twice.headers = (*asked.headers, (b"accept-encoding", b"gzip"))
    answers = [world.service.answer(world.service.open(each)) for each in (twice, asked)]
    for answer in answers:
        assert isinstance(answer, Coroutine)
        Drive(answer, lambda _: None, lambda _: None).step()

    assert len(world.endpoints.requests) == 2


def test_an_encoded_answer_is_for_those_who_take_it() -> None:
    world = shop()
    assert got(world, headers={"Accept-Encoding": "gzip"}) == b"answer 1"
    assert got(world) == b"answer 2"
    assert got(world, headers={"Accept-Encoding": "GZIP;q=1"}) == b"answer 1"
    assert got(world, headers={"Accept-Encoding": "identity"}) == b"answer 2"


def test_a_gateway_error_is_not_remembered() -> None:
    world = shop()

    def refused(_request: IntegrationRequest) -> EndpointResponse:
        raise Fault(GatewayResponseType.INTEGRATION_FAILURE, source="integration")

    answering, world.endpoints.answer = world.endpoints.answer, refused
    assert world.status(target="/dev/pets/7") == 504
    world.endpoints.answer = answering

    assert world.status(target="/dev/pets/7") == 200


def test_a_streamed_answer_is_remembered_whole_and_a_large_one_passes() -> None:
    world = shop()
    world.endpoints.answer = lambda _: EndpointResponse(200, [], body(b"ab", b"cd", length=4))
    assert [got(world), got(world)] == [b"abcd", b"abcd"]
    assert len(world.endpoints.requests) == 1

    world.endpoints.answer = lambda _: EndpointResponse(200, [], body(b"x" * (LIMIT + 1)))
    assert world.status(target="/dev/pets/8") == 502


def test_a_dead_backend_does_not_matter_until_the_time_is_over() -> None:
    world = shop()
    assert got(world) == b"answer 1"

    def dead(_request: IntegrationRequest) -> EndpointResponse:
        raise Fault(GatewayResponseType.INTEGRATION_FAILURE, source="integration")

    world.endpoints.answer = dead
    assert got(world) == b"answer 1"
    world.clock.time += 61
    assert world.status(target="/dev/pets/7") == 504


class TestFreshAnswers:
    def test_anybody_may_refresh_where_no_authorization_is_required(self) -> None:
        world = shop(all_=OPEN)

        assert [got(world), got(world, headers=FRESH), got(world)] == [
            b"answer 1",
            b"answer 2",
            b"answer 2",
        ]

    def test_all_cache_control_headers_count(self) -> None:
        world = shop(all_=OPEN)
        got(world)
        asking = request(target="/dev/pets/7")
        asking.headers += ((b"Cache-Control", b"no-transform"), (b"cache-control", b"max-age=0"))
        asking.fields = CIMultiDict(
            [(name.decode(), value.decode()) for name, value in asking.headers]
        )
        answers: list[InvocationResponse] = []
        answer = world.service.answer(world.service.open(asking))
        assert isinstance(answer, Coroutine)
        Drive(answer, answers.append, lambda error: pytest.fail(str(error))).step()

        assert answers[0].body == b"answer 2"

    @pytest.mark.parametrize(
        ("strategy", "status", "is_warned"),
        [
            ("FAIL_WITH_403", 403, False),
            ("SUCCEED_WITH_RESPONSE_HEADER", 200, True),
            ("SUCCEED_WITHOUT_RESPONSE_HEADER", 200, False),
        ],
    )
    def test_else_the_strategy_decides(self, strategy: str, status: int, is_warned: bool) -> None:
        world = shop(all_={**ON, "unauthorizedCacheControlHeaderStrategy": strategy})
        got(world)
        for target in ("/dev/pets/7", "/dev/pets/8"):
            response = world.ask(target=target, headers=FRESH)[1]
            assert response.status == status
            assert (b"\r\nWarning: 199" in response.head) is is_warned
        if status == 200:
            assert got(world) == b"answer 1"
        assert b"Warning" not in world.ask(target="/dev/pets/7")[1].head


class TestSpaces:
    def test_a_canary_has_a_cache_of_its_own_unless_it_uses_the_stages(self) -> None:
        def answers(*, is_shared: bool) -> int:
            canary = CanarySettings(percent_traffic=50, use_stage_cache=is_shared)
            world = shop(stage={"canary_settings": canary})
            draws = iter([0.1, 0.9, 0.1, 0.9])
            world.service._draw = lambda: next(draws)
            return len({got(world) for _ in range(4)})

        assert answers(is_shared=False) == 2
        assert answers(is_shared=True) == 1

    def test_a_flush_empties_the_stage(self) -> None:
        world = shop()
        assert got(world) == b"answer 1"
        world.publish(shop(flushes={"shop/dev": 2}).served)

        assert got(world) == b"answer 2"
        assert got(world) == b"answer 2"

    def test_a_release_that_forgot_a_flush_brings_nothing_back(self) -> None:
        world = shop()
        assert got(world) == b"answer 1"
        world.publish(shop(flushes={"shop/dev": 2}).served)
        world.publish(shop().served)

        assert got(world) == b"answer 2"
        world.publish(shop(flushes={"shop/dev": 5}).served)
        assert got(world) == b"answer 3"

    def test_a_stage_that_is_made_anew_begins_with_nothing(self) -> None:
        world = shop()
        assert got(world) == b"answer 1"
        world.publish(release(api({"/": {"GET": proxy()}}), Stage(stage_name="other")))
        world.publish(shop().served)

        assert got(world) == b"answer 2"

    def test_a_cache_that_is_switched_on_again_begins_with_nothing(self) -> None:
        world = shop()
        assert got(world) == b"answer 1"
        world.publish(shop(is_on=False).served)
        assert got(world) == b"answer 2"
        world.publish(shop().served)

        assert got(world) == b"answer 3"

    def test_a_canary_that_is_made_anew_begins_with_nothing(self) -> None:
        split = {"canary_settings": CanarySettings(percent_traffic=100)}
        world = shop(stage=split)
        assert got(world) == b"answer 1"
        world.publish(shop().served)
        assert got(world) == b"answer 2"
        world.publish(shop(stage=split).served)

        assert got(world) == b"answer 3"

    def test_other_settings_leave_what_is_remembered(self) -> None:
        world = shop()
        got(world)
        world.publish(shop(stage={"variables": {"a": "b"}}).served)

        assert got(world) == b"answer 1"


class _Slow(FakeEndpoints):
    """A backend whose answers come when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiters: list[Waiter[EndpointResponse]] = []

    def send(self, request: IntegrationRequest) -> Any:
        self.requests.append(request)
        waiter: Waiter[EndpointResponse] = Waiter()
        self.waiters.append(waiter)
        return waiter


class _Asking:
    """Requests that are under way at once."""

    def __init__(self) -> None:
        self.world = shop(all_=OPEN)
        self.backend = _Slow()
        self.world.service._endpoints = self.backend
        self.outcomes: list[list[object]] = []
        self.drives: list[Drive[InvocationResponse]] = []

    def ask(self, **headers: str) -> None:
        outcome: list[object] = []
        asked = request(target="/dev/pets/7", headers=headers)
        answer = self.world.service.answer(self.world.service.open(asked))
        assert isinstance(answer, Coroutine)
        drive = Drive(answer, outcome.append, outcome.append)
        self.outcomes.append(outcome)
        self.drives.append(drive)
        drive.step()

    @property
    def bodies(self) -> list[object]:
        return [
            one.body if isinstance(one, InvocationResponse) else type(one)
            for outcome in self.outcomes
            for one in outcome
        ]


@pytest.fixture
def asking() -> Generator[_Asking, None, None]:
    asking = _Asking()
    for _ in range(3):
        asking.ask()
    yield asking
    for drive in asking.drives:
        drive.close()


def ok(text: bytes, *headers: tuple[bytes, bytes]) -> EndpointResponse:
    return EndpointResponse(200, list(headers), text)


def test_concurrent_misses_are_one_request(asking: _Asking) -> None:
    assert len(asking.backend.requests) == 1
    asking.backend.waiters[0].set(ok(b"one"))

    assert asking.bodies == [b"one"] * 3


def test_they_fail_together(asking: _Asking) -> None:
    asking.backend.waiters[0].fail(
        Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration")
    )

    assert asking.bodies == [Fault] * 3
    asking.ask()
    assert len(asking.backend.requests) == 2


def test_each_asks_when_the_answer_is_not_for_all_and_the_next_do_not_wait(
    asking: _Asking,
) -> None:
    asking.backend.waiters[0].set(ok(b"mine", (b"Set-Cookie", b"a=b")))

    assert len(asking.backend.requests) == 3
    asking.ask()
    asking.ask()
    assert len(asking.backend.requests) == 5


def test_an_older_answer_does_not_replace_a_fresh_one(asking: _Asking) -> None:
    asking.ask(**FRESH)
    asking.backend.waiters[1].set(ok(b"new"))
    asking.backend.waiters[0].set(ok(b"old"))

    assert asking.bodies == [b"old"] * 3 + [b"new"]
    assert got(asking.world) == b"new"


def test_when_the_first_client_leaves_the_others_ask(asking: _Asking) -> None:
    asking.drives[0].close()

    assert len(asking.backend.requests) == 3
    for waiter in asking.backend.waiters[1:]:
        waiter.set(ok(b"two"))
    assert asking.bodies == [b"two"] * 2


def test_a_waiting_client_may_leave(asking: _Asking) -> None:
    asking.drives[1].close()
    asking.backend.waiters[0].set(ok(b"one"))

    assert asking.bodies == [b"one"] * 2
