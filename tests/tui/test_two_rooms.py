"""Two rooms, one daemon, one request: who answers second is refused, and nothing is decided twice (A02, A03)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from controlroom.tui.app import RoomApp
from controlroom.tui.link import Contact, Link
from controlroom.tui.ports import Options, Ports, Report
from tests.support.daemon import Daemon
from tests.support.stage import Clock, Line, Visit, story
from tests.support.waiting import eventually
from tests.tui.test_life import asked


class Held(Link):
    """A line whose snapshots come late when they are told to."""

    held: Contact | None = None

    @property
    def contact(self) -> Contact:
        return self.held or super().contact

    def hold(self) -> None:
        """From now on it shows what it shows now."""
        self.held = super().contact

    def let_go(self) -> None:
        self.held = None


def decided(daemon: Daemon) -> list[tuple[str, str]]:
    """Each decision in the journal: verdict and who."""
    found = [record["body"] for record in daemon.records() if record["kind"] == "decision"]
    return [(body["verdict"], body["by"]) for body in found]


@asynccontextmanager
async def seat(daemon: Daemon) -> AsyncIterator[tuple[Visit, Held]]:
    """A room on a line to the real daemon, with the request armed."""
    line, clock = Held(daemon.places, lambda: None), Clock()
    app = RoomApp(Ports(daemon.places, lambda: Report("", False, ())), Options(), line, clock)
    async with app.run_test(size=(120, 40)) as pilot:
        visit = Visit(app, Line(clock), pilot, [], clock)
        await visit.armed()
        yield visit, line


@pytest.mark.row("A02", "A03")
@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a", "d"), ("d", "a"), ("d", "d")])
@story
async def test_the_second_answer_to_what_is_still_on_screen_is_refused(daemon: Daemon, first: str, second: str) -> None:
    asker = asked(daemon)
    async with seat(daemon) as (one, _), seat(daemon) as (other, late):
        late.hold()
        await other.armed()  # with what it shows from now on
        await one.press(first)
        verdict, _ = await asyncio.to_thread(asker.answer, 20.0)
        assert verdict == ("allow" if first == "a" else "deny")
        before = await asyncio.to_thread(eventually, lambda: decided(daemon), 20, "written down")  # a denial is told before
        assert other.app.scene().request is not None  # it is still on its screen, armed
        await other.press(second)
        await other.sees("was not taken: request is already")
        assert decided(daemon) == before
        late.let_go()
        await other.sees("nothing pending")
