"""The room without a daemon: a scripted line in place of the real one, and a pilot who waits for what must come.

The room's time is the pilot's: it goes by only while he waits or between the keys that he presses. So what is armed at a moment
of a test does not depend on how fast the machine is.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from msgspec.structs import replace
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from controlroom.model.view import RoomView
from controlroom.storage.paths import Places
from controlroom.tui.app import RoomApp
from controlroom.tui.link import Contact, Outcome
from controlroom.tui.ports import Options, Ports, Report
from controlroom.tui.screens.base import OurScreen

DEADLINE = 30.0  # real seconds that anything may take
STEP = 0.1  # seconds of the room that go by between two looks
PACE = 0.1  # seconds of the room between a person's keys: nearer than 20 ms is a paste (approval.BURST)
TURNS = 3  # of the message queues: a key goes to the app, from there to a screen, and what it brings comes back
LOOKS = ("story", "processes", "files", "permissions", "layers")  # what tabs ask for
P = ParamSpec("P")


def story(told: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is written as a coroutine."""

    @wraps(told)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(told(*args, **kwargs))

    return test


@dataclass
class Clock:
    """The room's time, in seconds. It begins with the machine's, which a real line goes by."""

    now: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        return self.now


@dataclass
class Line:
    """Stands for `link.Link`: shows what it is given and keeps what was ordered."""

    clock: Clock = field(default_factory=Clock)
    contact: Contact = field(default_factory=Contact)
    orders: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    looked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # what the open tab asked for, by itself
    results: dict[str, Any] = field(default_factory=dict)
    refuse: str = ""
    shown: list[object] = field(default_factory=list)  # how long what was answered had been on screen, ms
    busy: str = ""  # an order for which no slot is free
    opened: bool = False
    news: Callable[[], object] = field(default=lambda: None)

    def open(self, news: Callable[[], object], /) -> None:
        self.opened, self.news = True, news

    def close(self) -> None:
        self.opened = False

    def show(self, view: RoomView) -> None:
        """A newer snapshot."""
        self.contact = Contact("live", "", view, self.clock.now)
        self.news()

    def lose(self, why: str = "no daemon answers") -> None:
        """The daemon is gone."""
        self.contact = replace(self.contact, state="lost", why=why)
        self.news()

    def order(self, method: str, done: Callable[[Outcome], object], /, **params: object) -> bool:
        """Keeps the order and answers it at once. What the open tab looks at is no order; what nobody gave, it does not get."""
        if method in LOOKS:
            self.looked.append((method, dict(params)))
            done(Outcome(method, dict(params), self.results.get(method), code="" if method in self.results else "unknown"))
            return True
        if "shown_ms" in params:  # told apart
            self.shown.append(params.pop("shown_ms"))
        if method == self.busy:
            return False
        self.orders.append((method, dict(params)))
        if self.refuse:
            done(Outcome(method, dict(params), code="refused", why=self.refuse))
        else:
            done(Outcome(method, dict(params), self.results.get(method, {})))
        return True

    def ordered(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each order, or look, of this method."""
        return [params for name, params in [*self.orders, *self.looked] if name == method]


@dataclass
class Visit:
    """An open room, its line and its pilot."""

    app: RoomApp
    line: Line
    pilot: "Pilot[int]"
    pulled: list[float]
    clock: Clock

    async def wait(self, seconds: float) -> None:
        """So much time goes by in the room, with frames in it."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + STEP)
            self.app.call_later(self.app.frames.draw)  # in the app's own context: there may be two
            await self.handled()

    async def handled(self) -> None:
        """Lets everything be handled that is under way. No time goes by."""
        for _ in range(TURNS):
            await self.pilot.pause(0)

    async def until(self, look: Callable[[], object], what: str) -> None:
        """Waits until `look` is true; time goes by."""
        end = time.monotonic() + DEADLINE
        while not look():
            assert time.monotonic() < end, f"not within {DEADLINE:g} s: {what}\n{self.text()}"
            await self.wait(STEP)
            await asyncio.sleep(0.005)  # for what other threads do

    async def press(self, *keys: str) -> None:
        """Presses keys one by one, as a person would: apart from each other."""
        for key in keys:
            self.clock.now += PACE / 2
            self.app.post_message(self.key(key))
            await self.handled()
            await self.wait(PACE / 2)

    def key(self, key: str) -> events.Key:
        """A key that is read from the terminal now; `send` hands it over, perhaps later. By its name or its character."""
        char = key if len(key) == 1 else None
        read = events.Key(_character_to_key(key) if char else key, char)
        read.time = self.clock.now
        return read

    async def send(self, *read: events.Key) -> None:
        """Hands keys over all at once, and lets them be handled."""
        for one in read:
            self.app.post_message(one)
        await self.handled()
        await self.wait(PACE / 2)

    async def paste(self, text: str) -> None:
        """Text that a terminal says was pasted."""
        pasted = events.Paste(text)
        pasted.time = self.clock.now
        self.app.post_message(pasted)
        await self.handled()

    async def armed(self) -> None:
        """Waits until the focused request can be allowed."""
        await self.until(lambda: self.app.desk.unready() == "", "the request is armed")

    async def settled(self) -> None:
        """Waits until a frame has been drawn of what is shown now."""
        await self.until(lambda: self.app.contact is self.line.contact, "the newest snapshot was taken")
        await self.wait(STEP)
        await self.pilot.pause()

    async def sees(self, text: str) -> None:
        """Waits until this is on screen."""
        await self.until(lambda: text in self.text(), f"{text!r} is on screen")

    @property
    def top(self) -> OurScreen:
        return self.app.top

    def text(self) -> str:
        """The whole screen as text."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)


@asynccontextmanager
async def room(view: RoomView | None, size: tuple[int, int] = (120, 40), **options: Any) -> AsyncIterator[Visit]:
    """An open room of this size on this snapshot; None = no daemon has answered yet."""
    with tempfile.TemporaryDirectory(prefix="cr") as home:
        top = Path(home)
        (top / "state").mkdir()
        pulled: list[float] = []

        def estop() -> Report:
            pulled.append(time.monotonic())
            return Report("5f3a", True, ("EMERGENCY STOP 5f3a: latched, nothing is allowed any more.",))

        clock = Clock()
        line = Line(clock)
        if view is not None:
            line.show(view)
        ports = Ports(Places(top / "config", top / "state", top / "run"), estop)
        app = RoomApp(ports, Options(**options), line, clock)
        async with app.run_test(size=size) as pilot:
            visit = Visit(app, line, pilot, pulled, clock)
            try:
                await visit.settled()
                yield visit
            finally:
                app.writer.wait()  # before its folder goes
