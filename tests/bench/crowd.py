"""The real daemon with a crowd in it: twenty sessions whose acts come from inside, as fast as standard input says.

Lines on standard input: `busy` (twenty agents at work), `flood N` (N records a second into the rings), `rush N` (N records as
fast as they go), `rest`. Each is answered with a line: when it is under way, `rush` when it is over.
"""

import os
import queue
import sys
import threading
from itertools import count

import anyio
import anyio.lowlevel
import msgspec

from controlroom.daemon.clock import now
from controlroom.daemon.house import House
from controlroom.model import event as ev
from controlroom.model.action import Action
from controlroom.model.agent import Handle, Label, Rung, Session
from controlroom.model.effect import Assessment
from controlroom.model.record import Intent, Kind, Outcome, Record
from controlroom.model.tier import Tier
from controlroom.model.view import Load
from controlroom.storage.paths import places

AGENTS = 20
BEAT = 0.05  # seconds
COMMANDS = ("npm test", "git status", "cat src/app.ts", "rg -n TODO src", "python -m pytest -q", "ls -la build")


class Crowd:
    """Feeds the house from within its own loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._runner, self._window = house._runner, house._window
        self._numbers = count()
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._busy, self._rate = False, 0
        house._window._sampler.sample = self._sample  # type: ignore[method-assign]  # sessions without processes of their own

    def listen(self) -> None:
        """Reads what is wanted, in a thread of its own."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._asked.put(line.strip())

    async def go_on(self) -> None:
        """A beat at a time, for ever."""
        for number in range(AGENTS):
            name = f"agent-{number:02}"
            session = Session(
                name, name, "claude-code", Label.SUPERVISED, Rung.CGROUP, "/home/ada/shop", now(), command=("claude",)
            )
            self._runner.feed(ev.SessionOpened(now(), session))
        print("ready", flush=True)
        while True:
            if not self._asked.empty():
                await self._obey(self._asked.get())
            if self._busy:
                self._work()
            if self._rate:
                self._pour(int(self._rate * BEAT))
            await anyio.sleep(BEAT)

    async def _obey(self, wanted: str) -> None:
        word, _, figure = wanted.partition(" ")
        self._busy, self._rate = word == "busy", int(figure) if word == "flood" else 0
        for _ in range(int(figure) // 1000 if word == "rush" else 0):
            self._pour(1000)
            await anyio.lowlevel.checkpoint()
        print(wanted, flush=True)

    def _work(self) -> None:
        """Two acts a second of every agent: what it wants, and how it ended."""
        for _ in range(round(AGENTS * 2 * BEAT)):
            number = next(self._numbers)
            session, act = f"agent-{number * 7 % AGENTS:02}", f"{number:032x}"
            self._runner.record(Kind.INTENT, _intent(number, session), session, act)
            self._runner.record(Kind.OUTCOME, Outcome(True, "", 12), session, act)
        self._house._changed()

    def _pour(self, records: int) -> None:
        for _ in range(records):
            number = next(self._numbers)
            session = f"agent-{number % AGENTS:02}"
            body = msgspec.Raw(msgspec.json.encode(_intent(number, session)))
            self._window.note(number, Record(Kind.INTENT, now(), session, f"{number:032x}", body))
        self._house._changed()

    def _sample(self, handles: list[Handle]) -> None:
        """Figures that change as those of programs at work do."""
        at = next(self._numbers) if self._busy else 0
        loads = {f"agent-{n:02}": Load(5.0 + (at * (n + 3)) % 60, (200 + at * n % 97) << 20, 3 + n % 4) for n in range(AGENTS)}
        self._window._sampler.loads = loads


def _intent(number: int, session: str) -> Intent:
    command = COMMANDS[number % len(COMMANDS)]
    action = Action("Bash", msgspec.json.encode({"command": command}).decode(), "/home/ada/shop")
    return Intent(f"{number:064x}", action, Assessment(Tier.T1, (), (), (), (tuple(command.split()),)), session)


async def main() -> None:
    """The daemon, until it is killed."""
    os.umask(0o077)
    house = House(places(os.environ))
    crowd = Crowd(house)
    async with anyio.create_task_group() as group:
        await house.open()
        group.start_soon(house.tick)
        crowd.listen()
        group.start_soon(crowd.go_on)


if __name__ == "__main__":
    anyio.run(main)
