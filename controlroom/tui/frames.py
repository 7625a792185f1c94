"""When a frame is drawn: at once for a key, soon for news, seldom for what only moves, and never while nothing happens."""

from typing import TYPE_CHECKING

from textual.timer import Timer

from controlroom.tui import keys
from controlroom.tui.facts import LIVE
from controlroom.tui.pace import CALM_SECONDS, LOG_SECONDS, Pace
from controlroom.tui.screens.base import OurScreen

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

LOCAL_FRAME = 0.1  # seconds
REMOTE_FRAME = 0.2
FACTS_SECONDS = 0.2  # between two looks for what has come, while a tab is open that lives by itself
AWAKE_SECONDS = 1.0  # that frames go on after anything happened; then they rest until something does


class Frames:
    """The frames of one room."""

    def __init__(self, app: "RoomApp") -> None:
        self._app = app
        self._seconds = REMOTE_FRAME if app.options.remote else LOCAL_FRAME
        self._pace = Pace()
        self._drawn: tuple[object, ...] = ()
        self._timer: Timer | None = None
        self._asking: Timer | None = None
        self._framed = self._woken = 0.0

    def begin(self) -> None:
        """From now on frames come by themselves."""
        self._timer = self._app.set_interval(self._seconds, self.draw)
        self._asking = self._app.set_interval(FACTS_SECONDS, self._app.ask, pause=True)

    def wake(self) -> None:
        """Something happened that this operator did or must see: a frame at once, and more of them for a moment."""
        self._woken = self._app.clock()
        if self._timer is not None:
            self._timer.resume()
            self._app.call_later(self.draw)

    def news(self) -> None:
        """The daemon told something new: it is taken at once, but never more often than frames are drawn."""
        if self._timer is not None:
            self._timer.resume()
        if self._app.clock() - self._framed >= self._seconds / 2:
            self.draw()

    def forget(self) -> None:
        """Nothing that was drawn is on screen any more."""
        self._drawn = ()

    def draw(self) -> None:
        """One frame: what is new is taken, and what changed is drawn. Nothing on a room that is being taken down."""
        app = self._app
        if not app.is_open:
            return
        self._framed = app.clock()
        self._keep_asking()
        scene, top = app.gather(), app.top
        calm = LOG_SECONDS if app.looking.tab == keys.LOG else CALM_SECONDS
        seen = self._pace.shown(scene.contact, self._framed, calm)
        new = (top, top.made, app.size, scene.advice, seen, scene.approval, scene.unready, app.looking.version,
               scene.age // 60, scene.report, scene.pulling)  # fmt: skip
        if new != self._drawn:
            self._drawn = new
            for screen in app.screen_stack:
                if isinstance(screen, OurScreen) and screen.made:
                    screen.draw(scene)
        elif seen is scene.contact:
            self._rest(busy=bool(scene.approval.waiting or app.looking.notice or scene.pulling))
        if top.is_mounted:
            top.judge(scene)

    def _keep_asking(self) -> None:
        """Processes and files move without any news of the daemon's."""
        if self._asking is not None:
            (self._asking.resume if self._app.looking.tab in LIVE else self._asking.pause)()

    def _rest(self, *, busy: bool) -> None:
        """Without frames nothing is spent: the next key or news wakes them."""
        if self._timer is not None and not busy and self._app.clock() - self._woken > AWAKE_SECONDS:
            self._timer.pause()
