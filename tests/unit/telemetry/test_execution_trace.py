from gateway.telemetry.execution_trace import EXCERPT_BYTES, Excerpt, ExecutionTrace


def test_an_excerpt_keeps_the_beginning_and_counts_the_rest() -> None:
    excerpt = Excerpt(b"begin ")
    for _ in range(1000):
        excerpt.add(b"x" * 999)

    assert len(excerpt.kept) == EXCERPT_BYTES
    assert excerpt.kept.startswith(b"begin x")
    assert excerpt.length == 6 + 999_000
    assert repr(excerpt) == "<Excerpt 1024 of 999006 bytes>"


def test_a_trace_begins_with_nothing() -> None:
    trace = ExecutionTrace(has_data=True)

    assert trace.endpoint_headers is trace.endpoint_answer_headers is trace.answer_headers is None
    assert trace.request.length == trace.endpoint_answer.length == 0
