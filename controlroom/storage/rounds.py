"""Waiting for the disk: one round there, a write and a sync, for everybody who waits (group commit). For one event loop."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec


class Standing(NamedTuple):
    """How the journal stands: number of the last record on the disk, how often it broke, why it is broken ("" = it is well)."""

    durable: int
    deaths: int
    why: str


class _Waiter(msgspec.Struct, frozen=True):
    """Who waits for record `seq`: how often it had broken then, and how many rounds had begun."""

    seq: int
    deaths: int
    begun: int
    told: asyncio.Future[str]


class Rounds:
    """`write_out` is one round, run in a thread of its own, one after the other for as long as somebody waits."""

    def __init__(self, write_out: Callable[[], None], standing: Callable[[], Standing]) -> None:
        self._write_out, self._standing = write_out, standing
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[_Waiter] = []
        self._begun, self._running, self._closed = 0, False, False

    def join(self, seq: int, deaths: int) -> asyncio.Future[str]:
        """Why record `seq` is not on the disk, "" = it is; told at the end of a round that began later than this call, or
        sooner where one under way has it. `deaths`: how often the journal had broken when the record was counted on.
        """
        loop = asyncio.get_running_loop()
        # One of its own for each: who is cancelled must not take the sync of the others along; and cheaper than a shield.
        told: asyncio.Future[str] = loop.create_future()
        self._waiting.append(_Waiter(seq, deaths, self._begun, told))
        if not self._running:
            self._begin(loop)
        return told

    def close(self) -> None:
        """No further round; waits for the one under way. Whoever waits still is told as things stand then."""
        self._closed = True
        self._worker.shutdown(wait=True)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._running = True
        self._begun += 1
        self._worker.submit(self._run, loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        error = None
        try:
            self._write_out()
        except Exception as e:  # noqa: BLE001  whoever waits is told
            error = e
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended, loop, error)

    def _ended(self, loop: asyncio.AbstractEventLoop, error: Exception | None) -> None:
        """Tell those whose record is there, and those for whom a round of their own failed. The others get the next."""
        self._running = False
        durable, deaths, why = self._standing()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if waiter.told.done():
                continue
            if error is not None:
                waiter.told.set_exception(error)
            elif deaths == waiter.deaths and waiter.seq <= durable:
                waiter.told.set_result("")
            elif (why or deaths != waiter.deaths) and (waiter.begun < self._begun or self._closed):
                waiter.told.set_result(why or "a write or sync failed meanwhile")
            else:
                self._waiting.append(waiter)
        if self._waiting:
            self._begin(loop)
