"""Facts about coroutines driven by hand."""

import asyncio

import pytest

from gateway.driver import Drive, Waiter


class Outcome:
    def __init__(self) -> None:
        self.results: list[object] = []
        self.errors: list[BaseException] = []

    def drive(self, coroutine: object) -> Drive[object]:
        drive = Drive(coroutine, self.results.append, self.errors.append)  # type: ignore[arg-type]
        drive.step()
        return drive


def test_a_coroutine_that_needs_no_waiting_ends_in_the_first_step() -> None:
    async def at_once() -> int:
        return 7

    outcome = Outcome()
    outcome.drive(at_once())

    assert outcome.results == [7]


def test_setting_a_waiter_resumes_in_the_same_call() -> None:
    waiter = Waiter[str]()

    async def waits() -> str:
        return await waiter + await waiter

    outcome = Outcome()
    outcome.drive(waits())
    assert outcome.results == []
    waiter.set("ab")

    assert outcome.results == ["abab"]


def test_a_waiter_set_before_it_is_awaited_does_not_suspend() -> None:
    waiter = Waiter[int]()
    waiter.set(1)
    waiter.set(2)

    async def waits() -> int:
        return await waiter

    outcome = Outcome()
    outcome.drive(waits())

    assert outcome.results == [1]


def test_a_failed_waiter_raises_where_it_is_awaited() -> None:
    waiter = Waiter[int]()

    async def waits() -> int:
        try:
            return await waiter
        except ValueError:
            return -1

    outcome = Outcome()
    outcome.drive(waits())
    waiter.fail(ValueError())

    assert outcome.results == [-1]


def test_an_error_thrown_from_outside_is_raised_at_the_wait() -> None:
    waiter = Waiter[int]()

    async def waits() -> int:
        return await waiter

    outcome = Outcome()
    drive = outcome.drive(waits())
    drive.throw(TimeoutError())
    waiter.set(1)

    assert [type(error) for error in outcome.errors] == [TimeoutError]
    assert outcome.results == []


def test_close_runs_finally_blocks_and_reports_nothing() -> None:
    waiter = Waiter[int]()
    cleaned: list[bool] = []

    async def waits() -> int:
        try:
            return await waiter
        finally:
            cleaned.append(True)

    outcome = Outcome()
    drive = outcome.drive(waits())
    drive.close()
    waiter.set(1)

    assert cleaned == [True]
    assert outcome.results == []
    assert outcome.errors == []


async def test_asyncio_futures_can_be_awaited() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        return await future

    outcome = Outcome()
    outcome.drive(waits())
    future.set_result(5)
    await asyncio.sleep(0)

    assert outcome.results == [5]


async def test_closing_cancels_the_awaited_future() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        return await future

    outcome = Outcome()
    outcome.drive(waits()).close()

    assert future.cancelled()


def test_an_exception_of_the_coroutine_is_reported() -> None:
    async def breaks() -> int:
        raise KeyError("x")

    outcome = Outcome()
    outcome.drive(breaks())

    with pytest.raises(KeyError):
        raise outcome.errors[0]
