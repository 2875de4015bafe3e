"""Facts about work in slices."""

from gateway.snapshot.slices import Slices, finish


def counted(log: list[int]) -> Slices[str]:
    for number in range(3):
        log.append(number)
        yield
    return "done"


def test_finish_runs_every_slice_and_returns_the_result() -> None:
    log: list[int] = []

    assert finish(counted(log)) == "done"
    assert log == [0, 1, 2]
