"""The room: one app, its frames and its keys. It draws snapshots and sends orders; it decides nothing."""

import gc
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from controlroom.model.ready import ready_for_threads
from controlroom.model.view import RoomView
from controlroom.text.safe import show_lines
from controlroom.tui import acts, answers, approval, away, keys, memory, theme, ways
from controlroom.tui import approval_events as ev
from controlroom.tui.bell import Bell
from controlroom.tui.colours import Colours, Looks
from controlroom.tui.desk import Desk
from controlroom.tui.driver import RoomDriver
from controlroom.tui.facts import Facts
from controlroom.tui.frames import Frames
from controlroom.tui.glyphs import ASCII, UNICODE
from controlroom.tui.keys import Context
from controlroom.tui.life import Life
from controlroom.tui.link import Contact, HasContact, Outcome
from controlroom.tui.looking import Looking
from controlroom.tui.messages import Done, News, Pulled
from controlroom.tui.ports import Options, Ports, Report
from controlroom.tui.reader import Reader
from controlroom.tui.scene import Scene
from controlroom.tui.screens.base import OurScreen
from controlroom.tui.screens.dialogs import GrantDialog
from controlroom.tui.screens.pages import StopPage
from controlroom.tui.screens.room import RoomScreen
from controlroom.tui.search import Search
from controlroom.tui.streams import Streams
from controlroom.tui.widgets.pane import Pane

SAID_SECONDS = 6.0  # that a remark stays
WRONG_SECONDS = 12.0
LOOK_SECONDS = 2.0  # between two looks at the terminal and the slow facts
REMEMBER_SECONDS = 30.0  # between two notes that somebody is looking
CRASHED = "controlroom: the room ended by an error of its own. Agents and daemon go on, and requests wait: open it again."
BARS = frozenset(("status", "footer", "tabbar", "lines"))  # parts on the surface of bars


class RoomApp(App[int], inherit_bindings=False):
    """Everything on screen. `ports.estop` runs in a thread of its own; so do all orders."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(keys.BY_ID["estop"].keys), "estop", "EMERGENCY STOP", priority=True, show=False, system=True)
    ]
    ESCAPE_TO_MINIMIZE = False
    CSS = """
    Screen { background: $ground; }
    Input > .input--placeholder { color: $style-dim; }
    SearchIcon { display: none; }
    CommandPalette > .command-palette--help-text { color: $style-dim; text-style: not bold; }
    CommandList > .option-list--option-highlighted { color: $style-selected; background: $row; }
    """

    def __init__(self, ports: Ports, options: Options, link: HasContact, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(driver_class=RoomDriver)
        self.ports, self.options, self.link, self.clock = ports, options, link, clock
        self._memory, self.writer = memory.load(ports.places), memory.Writer(ports.places)
        self._chosen = options.theme or self._memory.theme  # and remembered
        self._colours = Colours(ports.places, theme.PLAIN if options.no_color and not options.theme else self._chosen)
        self._colours.apply(self)
        self.glyphs = ASCII if options.ascii else UNICODE
        self.desk = Desk(read_only=options.read_only, clock=clock)
        self.looking = Looking()
        self.contact = Contact()
        self.reasons: dict[str, str] = {}
        self.report: Report | None = None
        self._pulling = False
        self._stop_seen = ""
        self._bell = Bell()
        self.facts = Facts(link, self.looking)
        self._told = 0  # version of the looking that a fact was drawn at
        self.reader = Reader(lambda: self.post_message(News()))
        self._streams = Streams(link, self.looking, lambda: self.post_message(News()))
        self._search = Search(ports.places, self.looking, lambda: self.post_message(News()))
        self._life = Life(self._ended)
        self.frames = Frames(self)
        self._remembered = 0.0

    # Life

    def get_default_screen(self) -> Screen[Any]:
        """The room itself."""
        return RoomScreen()

    def on_mount(self) -> None:
        """Connects, and begins to draw."""
        if not self.is_headless:
            self._life.begin()
        self.frames.begin()
        self.link.open(lambda: self.post_message(News()))
        self.looking.say_all(self._colours.problems)
        self.set_interval(LOOK_SECONDS, self._look)

    def on_ready(self) -> None:
        """The first paint is out. What start-up made stays to the end: it is never again looked at for garbage."""
        if not self.is_headless:
            gc.freeze()
            gc.enable()

    def _look(self) -> None:
        if not self.is_open:
            return
        if not self.is_headless:
            self._life.look()
        self.ask()
        self.frames.draw()
        if self.contact.state == "live" and self.clock() - self._remembered > REMEMBER_SECONDS:
            self._remember()

    def ask(self) -> None:
        """What the open tab needs; what has come of it is drawn at once."""
        if not self.is_open:
            return
        self.facts.ask(self.scene(), self.clock(), self._first_row())
        if self.looking.version != self._told:
            self._told = self.looking.version
            self.frames.draw()

    def _first_row(self) -> int:
        """The first line of the tab that is on screen."""
        top = self.top
        return top.pane("tab").top if isinstance(top, RoomScreen) and top.made else 0

    def _remember(self) -> None:
        self._remembered = self.clock()
        if self.contact.view is not None:
            seen = self.contact.view.now.wall
            self.writer.write(memory.Memory(seen, self._chosen))

    def leave(self) -> None:
        """The operator goes; agents and daemon go on."""
        self._ended(0)

    @property
    def is_open(self) -> bool:
        """Whether there is a screen: timers may still run when the last one is gone."""
        return self.is_running and bool(self.screen_stack)

    def _ended(self, code: int) -> None:
        self.link.close()
        self.reader.close()
        self._search.close()
        self.writer.wait()
        if self.contact.view is not None:
            memory.save(self.ports.places, memory.Memory(self.contact.view.now.wall, self._chosen))
        self.exit(code, return_code=code)

    def _fatal_error(self) -> None:
        """An error of our own ends the room. Textual would print all local variables, and with them what agents wrote."""
        why = "".join(traceback.format_exception(self._exception)) if self._exception else "unknown"
        self.bell()
        self._exit_renderables.append(Text("\n".join(show_lines(why.rstrip()))))
        self._exit_renderables.append(Text(CRASHED))
        self._close_messages_no_wait()

    # Frames

    def looks(self, part: str) -> Looks:
        """The colours of the theme for a part of a screen."""
        return self._colours.looks("bar" if part in BARS else "ground")

    @property
    def top(self) -> OurScreen:
        """The uppermost screen of ours."""
        return next((s for s in reversed(self.screen_stack) if isinstance(s, OurScreen)), self.screen_stack[0])  # type: ignore[return-value]

    def context(self) -> Context:
        """What decides which keys are on."""
        view, waiting = self.contact.view, self.desk.now.request
        agent = self.looking.selected(view)
        return Context(
            scope=self.top.scope,
            read_only=self.options.read_only,
            online=self.contact.state == "live",
            latch=view.status.stop_id if view else "",
            pending=len(self.desk.now.waiting),
            tier=waiting.tier if waiting else None,
            unready=self.desk.unready(),
            agent=agent.state if agent else None,
            tab=self.looking.tab,
            doubts=bool(agent and agent.doubts),
        )

    def scene(self) -> Scene:
        """All that a frame is drawn from."""
        return Scene(
            contact=self.contact,
            approval=self.desk.now,
            looking=self.looking,
            glyphs=self.glyphs,
            context=self.context(),
            unready=self.desk.unready(),
            age=max(0.0, self.clock() - self.contact.at) if self.contact.at else 0.0,
            badge=self.options.badge,
            advice=self.options.coach(self.contact.view) if self.options.coach and self.contact.view else "",
            report=self.report,
            pulling=self._pulling,
        )

    def on_news(self) -> None:
        """The daemon, or a reader of logs, has something new."""
        self.frames.news()

    def gather(self) -> Scene:
        """Takes what is new, lets time go by, and gives all that a frame is drawn from."""
        contact = self.link.contact
        if contact is not self.contact:
            self._take(contact)
        self.looking.fade(self.clock())
        self.feed(ev.Away(self.clock(), self.top.away))
        self.tick()
        if self.looking.tab == keys.LOG:
            self.looking.read(self.reader.sheet)
        scene = self.scene()
        self._streams.look(scene)
        self._search.look(scene)
        return scene

    def tick(self) -> None:
        """Time goes by for approvals."""
        self.feed(ev.Tick(self.clock()))

    def _take(self, contact: Contact) -> None:
        before, self.contact = self.contact, contact
        view = contact.view
        if contact.state != "live" or view is None:
            if before.state == "live":
                self.feed(ev.Offline(self.clock()))
            return
        waiting = approval.waiting_of(view)
        self.feed(ev.Changed(self.clock(), waiting, view.status.stop_id))
        if self._bell.wanted((w.id for w in waiting), self.clock()):
            self.bell()
        if before.view is None:
            self._first(view)
        if view.status.stop_id != self._stop_seen:
            self._stop_seen = view.status.stop_id
            if self._stop_seen:
                ways.to_stop(self)

    def _first(self, view: RoomView) -> None:
        told = away.told(view, self._memory.seen)
        if told:
            self.looking.say(told)

    # What screens tell

    def say(self, text: str, *, wrong: bool = False) -> None:
        """A remark that goes by itself."""
        self.looking.say(text, wrong=wrong, seconds=WRONG_SECONDS if wrong else SAID_SECONDS, at=self.clock())

    def feed(self, event: ev.Event) -> None:
        """Tells approval, and carries out what it answers."""
        focus = self.desk.now.focus
        found = self.desk.feed(event)
        if self.desk.now.focus and self.desk.now.focus != focus:
            self.looking.tab_first = False
        answers.carry_out(self, found)

    def shown(self, drawn: tuple[str, str], *, whole: bool, too_small: bool, end: bool, surface: ev.Surface) -> None:
        """A frame with this request is on the terminal: all of it, or its end."""
        waiting, at = self.desk.now.request, self.clock()
        if waiting is None or (waiting.id, waiting.digest) != drawn:
            return
        self.feed(ev.Shown(at, *drawn, waiting.tier, whole, too_small, surface))
        if end and not whole:
            self.feed(ev.ScrolledToEnd(at, *drawn))

    def read(self, path: str, rows: int) -> None:
        """The log that is shown by itself, in so many rows; "" = none is. Behind another tab it goes on with what it does."""
        if path:
            self.reader.show(path, self.looking.filter, rows)
        elif self.reader.path != self.looking.source(self.looking.selected(self.contact.view)):
            self.reader.close()

    def relaid(self) -> None:
        """Nothing counts as shown any more, and all of it is drawn for the new layout."""
        self.frames.forget()
        self.feed(ev.Relaid(self.clock()))
        self.frames.wake()

    def press(self, event: events.Key) -> None:
        """One key: approval hears of all of them; what it does not decide is looked up in the table."""
        self.frames.wake()
        context = self.context()
        command = keys.command_of(event.key, context.scope)
        self.looking.say("")
        found = self.desk.key(event.key, event.time)
        answers.carry_out(self, found)
        if command is None or (command.id in acts.DECIDES and context.scope in command.scope):
            return
        why = keys.why_off(command, context)
        if why:
            self.say(why, wrong=True)
        else:
            acts.ACTS[command.id](self)
            self.ask()  # another tab is filled at once

    def pasted(self, event: events.Paste) -> None:
        """Pasted text answers nothing."""
        self.frames.wake()
        answers.carry_out(self, self.desk.key("", event.time, "paste"))
        self.say("pasted text answers nothing and commands nothing", wrong=True)

    def invoke(self, wanted: str) -> None:
        """A command out of the palette; it never allows."""
        self.frames.wake()
        command = keys.BY_ID[wanted]
        if wanted in acts.DECIDES:
            self.feed(ev.Away(self.clock(), self.top.away))  # the palette has gone since the last frame
            answers.carry_out(self, self.desk.key(command.keys[0], self.clock(), "palette"))
        elif why := keys.why_off(command, self.context()):
            self.say(why, wrong=True)
        else:
            acts.ACTS[wanted](self)

    def on_app_blur(self) -> None:
        """The terminal lost its focus."""
        self.feed(ev.Blurred(self.clock(), lost=True))

    def on_app_focus(self) -> None:
        """And has it again."""
        self.feed(ev.Blurred(self.clock(), lost=False))

    # What keys do

    def move_focus(self, by: int) -> None:
        """To another pending request."""
        self.looking.tab_first = False
        self.looking.touch()
        self.feed(ev.Moved(self.clock(), by))

    def close(self, screen: Screen[Any]) -> None:
        """Takes a screen away, if it is the uppermost."""
        if self.screen is screen and len(self.screen_stack) > 1:
            self.pop_screen()

    @property
    def uses(self) -> int:
        """How many uses the grant dialog stands at."""
        return next((s.uses for s in self.screen_stack if isinstance(s, GrantDialog)), 1)

    def change_uses(self, by: int) -> None:
        """More or fewer of them."""
        if isinstance(self.screen, GrantDialog):
            self.screen.change(by)
            self.looking.touch()

    def next_theme(self) -> None:
        """Draws everything in the next theme, and remembers it."""
        self._colours.next(self)
        self._chosen = self._colours.name
        for screen in self.screen_stack:
            for pane in screen.query(Pane):
                pane.recolour(self.looks(pane.name or ""))
        self._remember()
        self.say(f"theme {self._colours.name}")

    def order(self, method: str, then: dict[str, Any] | None = None, **params: object) -> None:
        """Tells the daemon to do something; `then`: the grant that follows an allow. What came of it is said later."""

        def told(outcome: Outcome) -> None:
            self.post_message(Done(outcome))

        def done(outcome: Outcome) -> None:
            if then is None or outcome.code:
                told(outcome)
            else:
                self._send("grant", told, then)

        self.looking.say(f"{method} ...")
        self._send(method, done, params)

    def _send(self, method: str, done: Callable[[Outcome], object], params: dict[str, Any]) -> None:
        """To the daemon; where too many orders are under way, that is what came of it."""
        if not self.link.order(method, done, **params):
            done(Outcome(method, dict(params), code="busy", why="too many orders are under way"))

    def on_done(self, message: Done) -> None:
        """An order has come to its end."""
        self.frames.wake()
        answers.told(self, message.outcome)

    def action_command_palette(self) -> None:
        """Textual's own key for it, on every screen."""
        ways.to_palette(self)

    def action_estop(self) -> None:
        """EMERGENCY STOP: from every screen, at once, without a question, whoever else hangs."""
        if self._pulling:
            return
        self._pulling = True
        self.frames.wake()
        self.looking.say("")
        threading.Thread(target=lambda: self.post_message(Pulled(self.ports.estop())), daemon=True).start()
        if not isinstance(self.screen, StopPage):
            ways.to_stop(self)

    def on_pulled(self, message: Pulled) -> None:
        """What came of it is on the stop screen."""
        self._pulling = False
        self.frames.wake()
        self.report = message.report


def run(ports: Ports, options: Options, link: HasContact) -> int:
    """The room, to its end; gives its exit code."""
    ready_for_threads()  # what came with the room, beside what the line knows already
    app = RoomApp(ports, options, link)
    app.run(mouse=options.mouse)
    return app.return_code or 0
