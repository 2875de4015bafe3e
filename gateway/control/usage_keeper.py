"""Carries what keys used from shared memory into the store, and what is left of quotas back.

Workers count in the usage table and let nobody in beyond its ceilings. This moves what was counted
into the store each second, and writes the ceilings: before a release is sent, after plans or grants
have changed, and when a period begins. So a quota is as exact as `throttle.usage_table` says; a
control process that is killed forgets nothing and counts nothing twice, a whole gateway that is
killed forgets at most a second's counts, one that is stopped none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from gateway.clock import Clock
from gateway.definitions.usage_plan import QuotaSettings
from gateway.errors import ControlError
from gateway.release import Release
from gateway.release.usage import all_keys
from gateway.server.tasks import spawn
from gateway.store.database import Outcome, Work
from gateway.store.thread import StoreThread
from gateway.store.transaction import Transaction
from gateway.store.usage import Spent, add_used, forget_before, last_flush, next_flush, spent_of
from gateway.throttle.quota import first_day, left_now
from gateway.throttle.usage_table import UNLIMITED, UsageTable

_log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 1.0
"""How long a count may be in shared memory only."""


KEPT_DAYS: Final = 400
"""Usage of older days is forgotten; AWS tells 90 days at a time."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A key in a plan, as the keeper knows it."""

    row: int
    quota: QuotaSettings | None


_Members = Mapping[tuple[str, str], _Member]
"""By plan id and key id."""


class UsageKeeper:
    """The one writer of control's cells in the usage table, and of `used` in the store."""

    def __init__(self, store: StoreThread, table: UsageTable, clock: Clock, start: Release) -> None:
        """Begin with the release that the workers may be serving: its rows are in use."""
        self._store = store
        self._table = table
        self._epoch = clock.epoch
        self._members: _Members = {}
        self._owners: Mapping[int, tuple[str, str]] = {}
        self._released: tuple[object, object] = (None, None)
        """Keys and plans that the members were made of."""
        self._unwritten: set[tuple[str, str]] = set()
        """Members whose ceilings are to be written."""
        self._is_settled = False
        """Whether the table says what of it is in the store: not if a flush was broken off."""
        self._today = self._day()
        self._turn = asyncio.Lock()
        # Their rows may be counting already; in a new run there are no ceilings yet.
        self._know(_members_of(start))
        self._unwritten.update(self._members)

    def __repr__(self) -> str:
        return f"<UsageKeeper {len(self._members)} keys in plans, {self._today}>"

    async def run(self) -> None:
        """Carry counts for ever."""
        while True:
            await asyncio.sleep(self._pause())
            try:
                await self.tick()
            except ControlError as error:
                _log.warning("usage is stored later: %s", error)
            except Exception:  # noqa: BLE001 (a bug must not end counting: the next may succeed)
                _log.exception("usage could not be stored; it is tried again")

    async def tick(self) -> None:
        """Store what was counted; with a new day, begin the periods that begin with it."""
        await self._alone(self._tick())

    async def prepare(self, release: Release) -> None:
        """Make the rows of a release ready, before any worker serves it.

        A row that has a new owner begins with what the store says of that one. If the store does
        not answer, new owners are let in as soon as it does: no release waits for it.
        """
        await self._alone(self._prepare(release))

    async def refresh(self) -> None:
        """Store what was counted, and write what is left of every quota: grants have changed."""
        await self._alone(self._refresh())

    async def flush(self) -> None:
        """Store what was counted."""
        await self._alone(self._flush())

    async def _alone(self, work: Coroutine[Any, Any, None]) -> None:
        """Do one thing at a time, to its end even if whoever asked for it has gone.

        What is given up between the store and the table would be counted twice.
        """

        async def in_turn() -> None:
            async with self._turn:
                await work

        await asyncio.shield(spawn(in_turn(), "usage"))

    async def _tick(self) -> None:
        await self._flush()
        today = self._day()
        if today != self._today:
            self._today = today
            self._unwritten.update(self._members)
            oldest = today - timedelta(days=KEPT_DAYS)
            await self._run(partial(forget_before, day=oldest), is_mutation=True)
        await self._write_left()

    async def _refresh(self) -> None:
        await self._flush()
        self._unwritten.update(self._members)
        await self._write_left()

    async def _prepare(self, release: Release) -> None:
        released = release.api_keys, release.usage_plans
        if all(new is old for new, old in zip(released, self._released, strict=True)):
            return
        try:
            await self._flush()
        except Exception:  # noqa: BLE001 (no release waits for the store)
            _log.exception("usage is stored later")
        self._take(_members_of(release))
        self._released = released
        try:
            await self._write_left()
        except Exception:  # noqa: BLE001 (as above; `_tick` tries again)
            _log.exception("keys that are new in their plans are let in later")

    def _take(self, members: _Members) -> None:
        """Give rows to new owners, each of whom is let in once its ceiling is there."""
        before = self._members
        for pair, member in members.items():
            earlier = before.get(pair)
            if member == earlier:
                continue
            self._unwritten.add(pair)
            if earlier is None or earlier.row != member.row:
                self._table.hand_over(member.row)
        self._unwritten &= members.keys()
        self._know(members)

    def _know(self, members: _Members) -> None:
        self._members = members
        self._owners = {member.row: pair for pair, member in members.items()}
        self._table.watch(self._owners)

    async def _settle(self) -> None:
        """See whether a flush that was broken off is in the store, and note it in the table.

        By a control process that died, or by a failure of the store.
        """
        if self._is_settled:
            return
        flush = self._table.flush
        is_stored = flush > 0 and (await self._run(last_flush)).value == flush
        self._table.end_storing(self._owners, is_stored=is_stored)
        self._is_settled = True

    async def _flush(self) -> None:
        await self._settle()
        table, owners = self._table, self._owners
        counted: dict[tuple[str, str], float] = {}
        for row in table.changed():
            count = table.counted(row)
            if count > table.stored(row):
                counted[owners[row]] = count
        if not counted:
            return
        # Counted since the last flush: on the day of that one, if a new day has begun meanwhile.
        day = self._today
        added = [
            (*pair, day, int(count - table.stored(self._members[pair].row)))
            for pair, count in counted.items()
        ]

        def add(transaction: Transaction) -> list[int]:
            stored = {
                self._members[pair].row: counted[pair] for pair in add_used(transaction, added)
            }
            table.begin_storing(next_flush(transaction), stored)
            return list(stored)

        try:
            rows = (await self._run(add, is_mutation=True)).value
        except Exception:
            self._is_settled = False
            table.forget_seen()
            raise
        table.end_storing(rows, is_stored=True)
        if len(rows) < len(counted):
            # Of a file that is not in the store yet: counted again a second later.
            table.forget_seen()

    async def _write_left(self) -> None:
        """Write the ceilings of the members that wait for them."""
        await self._settle()
        today = self._today
        members = {pair: self._members[pair] for pair in self._unwritten}
        quotas = {pair[0]: member.quota for pair, member in members.items() if member.quota}

        def read(transaction: Transaction) -> dict[str, dict[str, Spent]]:
            return {
                plan_id: spent_of(transaction, plan_id, first_day(quota.period, today), today)
                for plan_id, quota in quotas.items()
            }

        spent: dict[str, dict[str, Spent]] = (await self._run(read)).value if quotas else {}
        unspent = Spent(today, 0, 0)
        for (plan_id, key_id), member in members.items():
            quota = member.quota
            left = UNLIMITED
            if quota is not None:
                of_key = spent[plan_id].get(key_id, unspent)
                left = left_now(quota, of_key.joined, today, of_key.used, of_key.granted)
            self._table.set_left(member.row, left)
        self._unwritten.clear()

    async def _run(self, work: Work, *, is_mutation: bool = False) -> Outcome:
        """Await a piece of work on the store, however much waits there: this is one at a time."""
        return await self._store.run(work, is_mutation=is_mutation, is_bounded=False)

    def _day(self) -> date:
        return datetime.fromtimestamp(self._epoch(), UTC).date()

    def _pause(self) -> float:
        """Return the seconds until the next flush: a second, or the rest of the day."""
        now = datetime.fromtimestamp(self._epoch(), UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return min(FLUSH_SECONDS, max(0.0, (midnight - now).total_seconds()) + 0.001)


def _members_of(release: Release) -> _Members:
    plans = release.usage_plans
    return {
        (plan_id, key.id): _Member(slots[0], plans[plan_id].quota)
        for key in all_keys(release.api_keys)
        for plan_id, slots in key.plans.items()
        if slots and plan_id in plans
    }
