"""The room's line to the daemon: a thread of its own keeps the newest snapshot; orders run in threads of their own.

The room reads `contact` whenever it draws; nothing here ever waits for the room, and nothing in the room waits for the daemon.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from controlroom.client.rpc import ALLOW_SECONDS, Hung, NoDaemon, Operator, Refused, RpcError, VersionMismatch
from controlroom.model.ready import ready_for_threads
from controlroom.model.view import Pulse, RoomView, after
from controlroom.storage.paths import Places

FRAME_SECONDS = 0.05  # between two snapshots at most so often
MOST_SHARE = 5  # between two snapshots at least so many times the work that the last one was: large ones come more seldom
MOST_WAIT = 0.15  # seconds of that at most: a collection of garbage that fell into the work is not the snapshot's size
IDLE_SECONDS = 2.0  # without any change: loads and ages move
RETRY_SECONDS = 0.5
CALL_SECONDS = 5.0
ORDER_SECONDS = 20.0  # a stop takes TERM, 5 s, kill, proof
MOST_ORDERS = 12  # under way at once; more are refused in words

State = Literal["connecting", "starting", "live", "lost", "refused"]


class CannotStart(Exception):
    """The daemon could not be started; the text says why and what to do."""


class Contact(msgspec.Struct, frozen=True):
    """What is known of the daemon: the newest snapshot and since when (monotonic seconds) it is the newest.

    `why` says in words why it is not live. A snapshot stays when the daemon is gone; it is then old.
    """

    state: State = "connecting"
    why: str = ""
    view: RoomView | None = None
    at: float = 0.0


class Outcome(msgspec.Struct, frozen=True):
    """What an order came to: its `result`, or an error `code` ("no-daemon" where nobody answered) and the reason."""

    method: str
    params: dict[str, Any]
    result: Any = None
    code: str = ""
    why: str = ""


class HasContact(Protocol):
    """A line to the daemon, as far as the room needs one."""

    @property
    def contact(self) -> Contact: ...
    def open(self, news: Callable[[], object], /) -> None: ...
    def close(self) -> None: ...
    def order(self, method: str, done: Callable[[Outcome], object], /, **params: object) -> bool: ...


class Link:
    """`start` starts a daemon where none runs (raises CannotStart); it is called once at most, at the beginning."""

    def __init__(self, places: Places, start: Callable[[], object]) -> None:
        self._places = places
        self._start = start
        self._over = threading.Event()
        self._slots = threading.BoundedSemaphore(MOST_ORDERS)
        self._contact = Contact()
        self._may_start = True
        self._failed = ""  # why no daemon could be started
        self._news: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="controlroom-link", daemon=True)

    @property
    def contact(self) -> Contact:
        """The newest of what is known."""
        return self._contact

    def connect(self) -> None:
        """Begins, before anybody listens: the first snapshot comes while the screen is still being made."""
        ready_for_threads()
        self._thread.start()

    def open(self, news: Callable[[], object], /) -> None:
        """From now on `news` is called in the line's thread whenever `contact` is another one. Begins where nobody did."""
        self._news = news
        if self._thread.ident is None:
            self.connect()

    def close(self) -> None:
        """Ends the line; a call that is under way is left to its deadline."""
        self._over.set()

    def order(self, method: str, done: Callable[[Outcome], object], /, **params: object) -> bool:
        """Makes one operator call in a thread of its own; `done` gets the outcome there. False: too many are under way."""
        if not self._slots.acquire(blocking=False):
            return False

        def run() -> None:
            try:
                outcome = self.call(method, **params)
            finally:
                self._slots.release()
            done(outcome)

        threading.Thread(target=run, name=f"controlroom-{method}", daemon=True).start()
        return True

    def call(self, method: str, /, **params: object) -> Outcome:
        """One operator call on a connection of its own, with its outcome as a value. Blocks; bounded."""
        seconds = ALLOW_SECONDS if method == "allow" else ORDER_SECONDS
        try:
            with Operator(self._places, connect=CALL_SECONDS, seconds=seconds) as operator:
                return Outcome(method, params, operator.call(method, **params))
        except Refused as error:
            return Outcome(method, params, code=error.code, why=str(error))
        except NoDaemon as error:
            return Outcome(method, params, code="no-daemon", why=str(error))
        except RpcError as error:
            return Outcome(method, params, code="version", why=str(error))

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow()
            except VersionMismatch as error:
                self._say("refused", str(error))
            except Refused as error:
                self._say("refused", f"{error.code}: {error}")
            except (Hung, msgspec.ValidationError) as error:
                self._say("lost", str(error))
            except NoDaemon as error:
                if self._may_start and self._begin():
                    continue
                self._say("lost", self._failed or str(error))
            self._may_start = False
            self._over.wait(RETRY_SECONDS)

    def _begin(self) -> bool:
        """A daemon is started only here: one that goes away later was ended by somebody, or needs a person to look."""
        self._may_start = False
        self._say("starting", "no daemon runs; starting one")
        try:
            self._start()
        except CannotStart as error:
            self._failed = str(error)
        return not self._failed

    def _follow(self) -> None:
        """Snapshots for as long as the daemon answers."""
        with Operator(self._places, connect=CALL_SECONDS, seconds=CALL_SECONDS) as operator:
            self._may_start, self._failed = False, ""
            operator.call("subscribe")
            while not self._over.is_set():
                spent = time.thread_time()
                view = msgspec.convert(operator.call("view"), RoomView)
                self._tell(Contact("live", "", view, time.monotonic()))
                self._over.wait(min(MOST_WAIT, max(FRAME_SECONDS, MOST_SHARE * (time.thread_time() - spent))))
                self._idle(operator, view)

    def _idle(self, operator: Operator, view: RoomView) -> None:
        """Until something happens: a pulse now and then, which is drawn only when a figure moved."""
        while not self._over.is_set() and operator.event(IDLE_SECONDS) is None:
            pulse = msgspec.convert(operator.call("pulse", seq=view.seq), Pulse | None)
            if pulse is None:
                return
            old, view = view, after(view, pulse)
            contact = Contact("live", "", view, time.monotonic())
            if (old.agents, old.status) == (view.agents, view.status):
                self._contact = contact
            else:
                self._tell(contact)

    def _say(self, state: State, why: str) -> None:
        self._tell(msgspec.structs.replace(self._contact, state=state, why=why))

    def _tell(self, contact: Contact) -> None:
        self._contact = contact
        self._news()
