"""The room without a daemon: a scripted line in place of the real one, and a pilot who waits for what must come."""

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
from textual.pilot import Pilot

from controlroom.model.view import RoomView
from controlroom.storage.paths import Places
from controlroom.tui.app import RoomApp
from controlroom.tui.link import Contact, Outcome
from controlroom.tui.ports import Options, Ports, Report
from controlroom.tui.screens.base import House

DEADLINE = 10.0  # seconds that anything may take
P = ParamSpec("P")


def story(told: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is written as a coroutine."""

    @wraps(told)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(told(*args, **kwargs))

    return test


@dataclass
class Line:
    """Stands for `link.Link`: shows what it is given and keeps what was ordered."""

    contact: Contact = field(default_factory=Contact)
    orders: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    refuse: str = ""
    opened: bool = False
    news: Callable[[], object] = field(default=lambda: None)

    def open(self, news: Callable[[], object], /) -> None:
        self.opened, self.news = True, news

    def close(self) -> None:
        self.opened = False

    def show(self, view: RoomView) -> None:
        """A newer snapshot."""
        self.contact = Contact("live", "", view, time.monotonic())
        self.news()

    def lose(self, why: str = "no daemon answers") -> None:
        """The daemon is gone."""
        self.contact = replace(self.contact, state="lost", why=why)
        self.news()

    def order(self, method: str, done: Callable[[Outcome], object], /, **params: object) -> bool:
        """Keeps the order and answers it at once. The story that the open tab looks at is no order."""
        if method == "story":
            done(Outcome(method, dict(params), self.results.get(method)))
            return True
        self.orders.append((method, dict(params)))
        if self.refuse:
            done(Outcome(method, dict(params), code="refused", why=self.refuse))
        else:
            done(Outcome(method, dict(params), self.results.get(method, {})))
        return True

    def ordered(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each order of this method."""
        return [params for name, params in self.orders if name == method]


@dataclass
class Visit:
    """An open room, its line and its pilot."""

    app: RoomApp
    line: Line
    pilot: "Pilot[int]"
    pulled: list[float]

    async def until(self, look: Callable[[], object], what: str) -> None:
        """Waits until `look` is true."""
        end = time.monotonic() + DEADLINE
        while not look():
            assert time.monotonic() < end, f"not within {DEADLINE:g} s: {what}\n{self.text()}"
            await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        """Presses keys one by one, as a person would: apart from each other."""
        for key in keys:
            await asyncio.sleep(0.03)  # nearer than 20 ms is a paste (approval.BURST)
            await self.pilot.press(key)

    def key(self, key: str) -> events.Key:
        """A key that is read from the terminal now; `send` hands it over, perhaps later."""
        return events.Key(key, key if len(key) == 1 else None)

    async def send(self, *read: events.Key) -> None:
        """Hands keys over all at once, and lets them be handled."""
        for one in read:
            self.app.post_message(one)
        await self.pilot.pause(0.05)

    async def armed(self) -> None:
        """Waits until the focused request can be allowed."""
        await self.until(lambda: self.app.desk.unready() == "", "the request is armed")

    async def settled(self) -> None:
        """Waits until a frame has been drawn of what is shown now."""
        await self.until(lambda: self.app.contact is self.line.contact, "the newest snapshot was taken")
        await self.pilot.pause(0.15)
        await self.pilot.pause()

    async def sees(self, text: str) -> None:
        """Waits until this is on screen."""
        await self.until(lambda: text in self.text(), f"{text!r} is on screen")

    @property
    def top(self) -> House:
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

        line = Line()
        if view is not None:
            line.show(view)
        ports = Ports(Places(top / "config", top / "state", top / "run"), estop)
        app = RoomApp(ports, Options(**options), line)
        async with app.run_test(size=size) as pilot:
            visit = Visit(app, line, pilot, pulled)
            await visit.settled()
            yield visit
