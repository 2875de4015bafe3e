"""What HTTP_PROXY sends and returns (semantics sheet 10.3, 10.4, 10.7)."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from gateway.definitions.integration import ResponseTransferMode
from gateway.definitions.rest_api import Method
from gateway.definitions.stage import Deployment, Stage
from gateway.driver import Drive, Pending, Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import EndpointResponse, Exchange, IntegrationRequest, InvocationResponse
from gateway.snapshot import problems_of_deployment
from gateway.streams import BodyStream
from tests.builders import FakeProducer, World, api, body, proxy, release, request

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def world(uri: str = "http://backend.test:9000/pets", **fields: object) -> World:
    definition = api(
        {
            "/pets": {"ANY": proxy(uri, **fields)},
            "/{proxy+}": {"ANY": proxy("http://backend.test/base/{proxy}?k=v", **fields)},
        }
    )
    return World(release(definition, Stage(stage_name="dev", variables={"v": "from stage"})))


def lines(world: World) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in world.endpoints.head()[1:])


def test_the_clients_headers_go_on_in_order_and_spelling_with_ours_added() -> None:
    shop = world()
    headers = {
        "X-First": "1", "accept": "text/html", "USER-AGENT": "curl", "x-Second": "2",
        "X-Amzn-Trace-Id": TRACE, "Authorization": "Bearer x", "x-api-key": "k",
    }  # fmt: skip
    shop.ask("GET", "/dev/pets?a=1&a=2", headers=headers)

    assert shop.endpoints.head() == [
        "GET /pets?a=1&a=2 HTTP/1.1",
        "Host: backend.test:9000",
        "X-Amzn-Apigateway-Api-Id: shop",
        "X-First: 1",
        "accept: text/html",
        "USER-AGENT: curl",
        "x-Second: 2",
        "Authorization: Bearer x",
        "x-api-key: k",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Port: 8080",
        "X-Forwarded-Proto: http",
        f"X-Amzn-Trace-Id: {TRACE}",
    ]


def test_a_client_without_accept_and_user_agent_gets_the_gateways() -> None:
    shop = world()
    shop.ask()

    assert lines(shop)["Accept"] == "application/json"
    assert lines(shop)["User-Agent"] == "AmazonAPIGateway_shop"


def test_spoofed_and_hop_by_hop_headers_do_not_pass() -> None:
    shop = world()
    sent = {
        "X-Forwarded-For": "1.1.1.1", "X_Forwarded_For": "1.1.1.1", "Forwarded": "for=1.1.1.1",
        "X-Real-IP": "1.1.1.1", "Via": "1.0 x", "TE": "trailers", "Upgrade": "h2c",
        "HTTP2-Settings": "x", "Keep-Alive": "x", "Proxy-Authorization": "x", "Expect": "x",
        "X-Amzn-Apigateway-Api-Id": "other", "Connection": "close, X-Secret, Host", "X-Secret": "s",
    }  # fmt: skip
    shop.ask(headers=sent)
    head = "\n".join(shop.endpoints.head())

    assert "1.1.1.1" not in head
    assert set(lines(shop)) == {
        "Host", "X-Amzn-Apigateway-Api-Id", "Accept", "User-Agent", "X-Forwarded-For",
        "X-Forwarded-Port", "X-Forwarded-Proto", "X-Amzn-Trace-Id",
    }  # fmt: skip
    assert lines(shop)["X-Amzn-Apigateway-Api-Id"] == "shop"


def test_the_path_goes_on_as_it_was_sent_and_queries_are_joined() -> None:
    shop = world()
    shop.ask("GET", "/dev/a%2Fb//c/?x=%20y")

    assert shop.endpoints.head()[0] == "GET /base/a%2Fb//c?k=v&x=%20y HTTP/1.1"


def test_the_integrations_own_method_is_used() -> None:
    shop = world(integration_http_method="POST")
    shop.ask("GET", "/dev/pets")

    assert shop.endpoints.head()[0].startswith("POST ")
    assert shop.endpoints.requests[0].method == "POST"


def test_mapped_parameters_replace_headers_and_append_to_the_query() -> None:
    shop = world(
        request_parameters={
            "integration.request.header.X-One": "'static'",
            "integration.request.header.X-Stage": "stageVariables.v",
            "integration.request.header.X-Gone": "method.request.header.nope",
            "integration.request.querystring.a": "method.request.header.X-Two",
        }
    )
    shop.ask("GET", "/dev/pets?a=bar", headers={"x-one": "clients", "X-Two": "foo & more"})
    sent = lines(shop)

    assert shop.endpoints.head()[0] == "GET /pets?a=bar&a=foo%20%26%20more HTTP/1.1"
    assert (sent["X-One"], sent["X-Stage"]) == ("static", "from stage")
    assert "x-one" not in sent
    assert "X-Gone" not in sent


def test_a_mapped_header_that_may_not_be_mapped_fails_every_request() -> None:
    shop = world(request_parameters={"integration.request.header.Content-Length": "'3'"})
    exchange, response = shop.ask()

    assert response.status == 500
    assert exchange.fault is not None
    assert exchange.fault.detail.endswith("Content-Length header already present")


def test_a_complete_body_is_sent_as_bytes_and_an_open_one_as_a_stream() -> None:
    shop = world()
    stream = body(b"ab", is_complete=False)
    shop.ask("POST", content=body(b"ab", b"cd"))
    shop.ask("POST", content=stream)
    shop.ask("POST")

    assert [request.body for request in shop.endpoints.requests] == [b"abcd", stream, None]


def test_a_body_mapping_reads_the_whole_body_and_sends_it_on() -> None:
    shop = world(
        request_parameters={"integration.request.header.X-Name": "method.request.body.name"}
    )
    shop.ask("POST", content=body(b'{"name":"Rex"}'))

    assert lines(shop)["X-Name"] == "Rex"
    assert shop.endpoints.requests[0].body == b'{"name":"Rex"}'


def test_a_body_mapping_of_malformed_json_is_a_400() -> None:
    shop = world(request_parameters={"integration.request.header.X": "method.request.body.a"})
    _, response = shop.ask("POST", content=body(b"{oops"))

    assert (response.status, response.body) == (400, b'{"message":"Invalid JSON in request body"}')


def test_a_body_too_large_to_be_mapped_is_a_413() -> None:
    shop = world(request_parameters={"integration.request.header.X": "method.request.body.a"})
    _, response = shop.ask("POST", content=body(b"x" * 1001))

    assert response.status == 413
    assert response.body == b"HTTP content length exceeded 1000 bytes."


def test_the_answer_passes_with_remapped_and_dropped_headers() -> None:
    shop = world()
    shop.endpoints.answer = lambda _request: EndpointResponse(
        404,
        [
            (b"Server", b"nginx"), (b"content-type", b"text/plain"), (b"Date", b"today"),
            (b"Connection", b"keep-alive"), (b"Content-Length", b"2"), (b"Set-Cookie", b"a=1"),
            (b"Set-Cookie", b"b=2"), (b"Via", b"1.1 x"), (b"x-amzn-RequestId", b"theirs"),
            (b"Transfer-Encoding", b"chunked"), (b"Content-Encoding", b"gzip"),
        ],
        b"no",
    )  # fmt: skip
    exchange, response = shop.ask()

    assert response.head == (
        b"x-amzn-Remapped-Server: nginx\r\ncontent-type: text/plain\r\n"
        b"x-amzn-Remapped-Date: today\r\nx-amzn-Remapped-Connection: keep-alive\r\n"
        b"x-amzn-Remapped-Content-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"x-amzn-Remapped-x-amzn-RequestId: theirs\r\nContent-Encoding: gzip\r\n"
    )
    assert (response.status, response.body, exchange.integration_status) == (404, b"no", 404)


def test_headers_that_the_answers_connection_nominates_end_here() -> None:
    shop = world()
    headers = [
        (b"Connection", b"keep-alive"), (b"Connection", b"X-Hop"), (b"connection", b"X-Other"),
        (b"X-Hop", b"1"), (b"X-Other", b"1"), (b"X-Stays", b"2"),
    ]  # fmt: skip
    shop.endpoints.answer = lambda _request: EndpointResponse(204, headers, b"")

    assert shop.ask()[1].head == b"X-Stays: 2\r\n"


def test_an_answer_without_a_type_is_called_json() -> None:
    shop = world()

    assert shop.ask()[1].head == b"Content-Type: application/json\r\n"


def test_an_answer_in_parts_is_passed_as_a_stream() -> None:
    shop = world()
    stream = BodyStream(FakeProducer(), None)
    shop.endpoints.answer = lambda _request: EndpointResponse(200, [], stream)

    assert shop.ask()[1].body is stream


def test_only_a_streamed_integration_has_no_limit_on_its_answer() -> None:
    buffered, streamed = world(), world(response_transfer_mode=ResponseTransferMode.STREAM)
    buffered.ask()
    streamed.ask()

    assert buffered.endpoints.requests[0].response_limit == 1000
    assert streamed.endpoints.requests[0].response_limit is None


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        (
            Fault(GatewayResponseType.INTEGRATION_TIMEOUT),
            504,
            b'{"message":"Endpoint request timed out"}',
        ),
        (
            Fault(GatewayResponseType.INTEGRATION_FAILURE),
            504,
            b'{"message":"Network error communicating with endpoint"}',
        ),
        (
            Fault(GatewayResponseType.DEFAULT_5XX, status=502),
            502,
            b'{"message":"Internal server error"}',
        ),
    ],
)
def test_a_failing_backend_is_answered_as_aws_does(
    fault: Fault, status: int, expected: bytes
) -> None:
    shop = world()

    def fail(_request: object) -> EndpointResponse:
        shop.clock.time += 0.25
        raise fault

    shop.endpoints.answer = fail
    exchange, response = shop.ask()

    assert (response.status, response.body) == (status, expected)
    assert exchange.integration_latency == pytest.approx(0.25)


def test_a_mapping_may_only_read_what_the_method_declares() -> None:
    undeclared = Method(
        integration=proxy(
            request_parameters={"integration.request.header.X": "method.request.header.Nope"}
        )
    )
    deployment = Deployment(id="d", api_id="shop", definition=api({"/pets": {"GET": undeclared}}))
    _, problems = problems_of_deployment(deployment)

    assert [problem.severity for problem in problems] == ["error"]
    assert "method.request.header.Nope" in problems[0].message


def test_a_mapped_value_cannot_climb_out_of_the_backends_path() -> None:
    shop = world(
        "http://backend.test/items/{q}",
        request_parameters={"integration.request.path.q": "method.request.querystring.q"},
    )
    refused = shop.status("GET", "/dev/pets?q=..%2F..%2Fadmin")
    shop.ask("GET", "/dev/pets?q=a%20b")

    assert refused == 400
    assert len(shop.endpoints.requests) == 1
    assert shop.endpoints.head()[0].startswith("GET /items/a%20b?")


class Call(Waiter[EndpointResponse]):
    """A request that was sent; it notes when nobody waits for it any more."""

    is_given_up = False

    def give_up(self) -> None:
        super().give_up()
        self.is_given_up = True


class Busy:
    """Connections on which each request is sent at once, and answered later."""

    def __init__(self, make: Callable[[], Call]) -> None:
        self.calls: list[Call] = []
        self._make = make

    def send(self, _request: IntegrationRequest) -> Waiter[EndpointResponse]:
        self.calls.append(self._make())
        return self.calls[-1]


class Retried(Call):
    """One that is sent again when its connection has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.again = Call()

    def __await__(self) -> Generator[Any, None, EndpointResponse]:
        assert self.error is not None
        return (yield from self.again.__await__())


class Relayed:
    """A request that is on its way, and what comes of it."""

    def __init__(self, make: Callable[[], Call] = Call) -> None:
        self.world = world()
        busy = Busy(make)
        self.world.service._endpoints = busy
        self.exchange: Exchange = self.world.service.open(request(target="/dev/pets"))
        answer = self.world.service.answer(self.exchange)
        assert isinstance(answer, Pending)
        self.answer: Pending[InvocationResponse] = answer
        (self.call,) = busy.calls
        self.results: list[InvocationResponse] = []
        self.errors: list[BaseException] = []

    def start(self) -> None:
        self.answer.start(self.results.append, self.errors.append)


def test_what_is_sent_at_once_is_answered_without_a_coroutine() -> None:
    relayed = Relayed()
    relayed.start()
    relayed.world.clock.time += 2
    relayed.call.set(EndpointResponse(201, [(b"A", b"b")], b"{}"))

    assert [(each.status, each.body) for each in relayed.results] == [(201, b"{}")]
    assert not relayed.errors
    assert relayed.exchange.integration_status == 201
    assert relayed.exchange.integration_latency == 2
    relayed.answer.close()
    assert not relayed.call.is_given_up


def test_an_answer_that_came_before_the_start_is_told_at_once() -> None:
    relayed = Relayed()
    relayed.call.set(EndpointResponse(200, [], b"{}"))
    relayed.start()

    assert len(relayed.results) == 1


def test_what_fails_later_is_told_and_timed() -> None:
    relayed = Relayed()
    relayed.start()
    relayed.world.clock.time += 3
    fault = Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration")
    relayed.call.fail(fault)

    assert relayed.errors == [fault]
    assert not relayed.results
    assert relayed.exchange.integration_latency == 3
    relayed.answer.close()
    assert not relayed.call.is_given_up


def test_an_answer_that_cannot_be_passed_on_is_told_as_a_bug() -> None:
    relayed = Relayed()
    relayed.start()
    relayed.call.set(EndpointResponse(200, [(b"no pair",)], b"{}"))  # type: ignore[list-item]

    assert [type(each) for each in relayed.errors] == [ValueError]


def test_a_client_that_leaves_gives_the_backend_up() -> None:
    relayed = Relayed()
    relayed.start()
    relayed.world.clock.time += 1
    relayed.answer.close()

    assert relayed.call.is_given_up
    assert relayed.exchange.integration_latency == 1
    relayed.call.set(EndpointResponse(200, [], b"{}"))
    assert not relayed.results + relayed.errors


def test_what_is_sent_again_is_told_once_and_timed_from_its_first_sending() -> None:
    relayed = Relayed(Retried)
    relayed.start()
    relayed.world.clock.time += 1
    relayed.call.fail(ConnectionError())
    relayed.world.clock.time += 1
    assert isinstance(relayed.call, Retried)
    relayed.call.again.set(EndpointResponse(200, [], b"{}"))

    assert [each.body for each in relayed.results] == [b"{}"]
    assert not relayed.errors
    assert relayed.exchange.integration_latency == 2


def test_a_client_that_leaves_while_its_request_is_sent_again_is_told_nothing() -> None:
    relayed = Relayed(Retried)
    relayed.start()
    relayed.call.fail(ConnectionError())
    relayed.world.clock.time += 3
    relayed.answer.close()
    assert isinstance(relayed.call, Retried)
    relayed.call.again.set(EndpointResponse(200, [], b"{}"))

    assert not relayed.results + relayed.errors
    assert relayed.exchange.integration_latency == 3


def test_what_is_sent_at_once_can_be_awaited_too() -> None:
    relayed = Relayed()
    Drive(relayed.answer.wait(), relayed.results.append, relayed.errors.append).step()
    relayed.call.set(EndpointResponse(200, [], b"{}"))

    assert [each.body for each in relayed.results] == [b"{}"]
