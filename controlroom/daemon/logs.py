"""The logs of every session: which they are, and the newest lines of each. Nothing waits for them but their rings are full.

A log belongs to a session because it records its terminal, because `run --log` or config.toml names it, or because the agent's
hook names it as its transcript. While lines come, all files are looked at every 25 ms, which costs a microsecond a file; in a
pause a watch of the folders wakes us, and everything is looked at once a second whatever that tells (R12).
"""

import os
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from controlroom.agents import Call
from controlroom.daemon.config import Configuration
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.model.agent import Session
from controlroom.model.clock import Instant
from controlroom.model.view import LineView, LogSource, LogView, Origin, name_of
from controlroom.sensing import logset
from controlroom.sensing.hint import Hint
from controlroom.sensing.loglines import recognise
from controlroom.sensing.ring import Kept, Ring
from controlroom.sensing.tail import Found, Gap, Line, Tail
from controlroom.sensing.unended import Unended
from controlroom.storage import logbook
from controlroom.storage.logbook import Listed
from controlroom.text.lines import Keys, drawn
from controlroom.text.safe import show

BUSY_SECONDS = 0.025  # between two looks while lines come
CALM_SECONDS = 1.0  # without a line, until the folders are watched instead; and between two looks at everything
MOST_LOGS = 64  # of one session
MOST_TOLD = 16  # of one session in a room's snapshot
MOST_FOLLOWED = 512  # of all sessions
MOST_AT_ONCE = 1 << 20  # bytes of one log at one look; where more came, the older part is passed over and counted
MOST_BITES = 4  # more of them wait for the next look
BACK = 64 * 1024  # bytes of a log that was there before its session
MOST_GIVEN = 1000  # lines of one answer
MOST_WIRE = 800_000  # characters of one answer
MOST_SHOWN = 4096  # characters of one line
WAIT_SECONDS = 10.0  # that an answer may wait for a line


class Log:
    """One log of one session."""

    def __init__(self, path: str, origin: Origin, back: int | None) -> None:
        self.path, self.origin = path, origin
        self.tail = Tail(path, back)
        self.ring = Ring()
        self.open: Kept | None = None  # its last line, that has no end yet
        self._unended, self._keys = Unended(), Keys()

    def read(self, whole: bool) -> tuple[int, list[Found]]:
        """How many lines were passed over, and what has come. `whole`: look also whether another file lies there. Blocking."""
        if not whole and not self.tail.stirs:
            return 0, []
        passed = self.tail.pass_over(MOST_AT_ONCE // 2)
        found = self.tail.read(MOST_AT_ONCE)
        for _ in range(MOST_BITES):
            if not (self.tail.more if whole else self.tail.stirs):
                break
            found += self.tail.read(MOST_AT_ONCE)
        return passed, found

    def keep(self, seq: int, at: Instant, found: Found) -> None:
        """Put it into the ring; what lies inside a private key never gets there."""
        if isinstance(found, Line) and (clean := self._keys.clean(found.text)) is not found.text:
            found = Line(found.at, clean, found.cut)
        self.ring.add(seq, at, found)

    def reopen(self, now: float, at: Instant) -> bool:
        """See what may be told of a line without an end; whether that is another now."""
        if self.origin == "transcript" or not self._unended.look(self.tail, now):  # that one is read by its decoder
            return False
        line = self._unended.line
        if line is not None and (clean := self._keys.peek(line.text)) is not line.text:
            line = Line(line.at, clean, line.cut)
        self.open = Kept(0, at, line) if line is not None else None
        return True

    @property
    def grows(self) -> bool:
        """Whether there is such a line, and more of it to tell."""
        return self._unended.grows

    @property
    def torn(self) -> bool:
        """Whether what is told of it may end within a word."""
        return self._unended.torn

    def source(self, polled: str) -> LogSource:
        """As it is told."""
        return LogSource(self.path, self.origin, self.ring.came, self.ring.dropped, self.tail.state, polled)


class _Set:
    """The logs of one session, in the order in which they were found."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.logs: dict[str, Log] = {}
        self.numbers = count(1)
        self.opens = 1  # counts what changed of lines without an end
        self.first = True  # nothing was looked for yet
        self.saved: tuple[LogSource, ...] | None = None


class Logs:
    """All of them. Files are looked at in threads; rings belong to the daemon's loop."""

    def __init__(
        self,
        runner: Runner,
        agents_dir: Path,
        configuration: Configuration,
        home: str,
        events: Callable[[], tuple[LogView, ...]],
    ) -> None:
        self._runner, self._agents, self._configuration, self._home = runner, agents_dir, configuration, home
        self._events = events
        self.on_change: Callable[[], object] = lambda: None  # a session has other logs now
        self._sets: dict[str, _Set] = {}
        self._transcripts: dict[str, dict[str, None]] = {}
        self._writers: dict[str, str] = {}  # what kind of agent writes the transcript, as its hook says
        self._hint = Hint()
        self._came = anyio.Event()

    def heard(self, session: str, agent: str, call: Call) -> None:
        """A hook of this session named the agent's transcript."""
        if call.transcript.startswith("/"):
            self._writers[session] = agent
            self.found(session, call.transcript)

    def found(self, session: str, path: str) -> None:
        """This is a transcript of its agent."""
        known = self._transcripts.setdefault(session, {})
        if len(known) < MOST_LOGS:
            known[path] = None

    def again(self, session: str, agent: str, path: str) -> None:
        """An earlier daemon knew this transcript of a session that lives."""
        self._writers[session] = agent
        self.found(session, path)

    def paths(self) -> dict[str, tuple[str, ...]]:
        """The files that are followed, by session."""
        return {session: tuple(found.logs) for session, found in self._sets.items()}

    def poke(self) -> None:
        """Something else than a line came that whoever waits wants to see."""
        self._came.set()
        self._came = anyio.Event()

    def known(self, session: str) -> tuple[LogSource, ...]:
        """The logs of a session, without what came to them."""
        found = self._sets.get(session)
        return (found.saved or ())[:MOST_TOLD] if found is not None else ()

    async def run(self) -> None:
        """For ever."""
        looked = busy_until = -CALM_SECONDS
        woken = False
        while True:
            now = anyio.current_time()
            whole = woken or now - looked >= CALM_SECONDS
            if whole:
                looked = now
                await self._look_for_logs()
            if await self._look(whole):
                busy_until = now + CALM_SECONDS
            if now < busy_until:
                self._hint.rest()
                await anyio.sleep(BUSY_SECONDS)
                woken = False
            else:
                woken = await self._wait()

    async def _wait(self) -> bool:
        """Until the watch tells of something, at most until it is time to look at everything; whether it did."""
        folders = frozenset(os.path.dirname(log.path) for found in self._sets.values() for log in found.logs.values())
        began = anyio.current_time()
        await anyio.to_thread.run_sync(self._hint.wait, folders, CALM_SECONDS, abandon_on_cancel=True)
        return anyio.current_time() - began < CALM_SECONDS / 2

    async def _look_for_logs(self) -> None:
        """Sessions come and go, and so do the files that their patterns mean."""
        sessions = {key: held.session for key, held in self._runner.state.sessions.items()}
        for gone in self._sets.keys() - sessions.keys():
            self._transcripts.pop(gone, None)
            self._writers.pop(gone, None)
            for log in self._sets.pop(gone).logs.values():
                log.tail.close()
        for key, session in sessions.items():
            self._sets.setdefault(key, _Set(session)).session = session
        if sessions:
            for key, wanted in (await anyio.to_thread.run_sync(self._wanted, list(sessions.values()))).items():
                if key in self._sets:  # it may have ended meanwhile
                    self._adopt(self._sets[key], wanted)

    def _wanted(self, sessions: list[Session]) -> dict[str, dict[str, Origin]]:
        """For each session path → origin, in the order in which they are shown. Blocking."""
        everybody = self._configuration.settings.config.logs.files
        return {session.id: self._wanted_of(session, everybody) for session in sessions}

    def _wanted_of(self, session: Session, everybody: tuple[str, ...]) -> dict[str, Origin]:
        found: dict[str, Origin] = {}
        if session.command:
            found[str(logbook.terminal(self._agents, session.id))] = "terminal"
        named: tuple[tuple[Origin, Iterable[str]], ...] = (
            ("run", session.logs),
            ("config", everybody),
            ("transcript", tuple(self._transcripts.get(session.id, ()))),
        )
        for origin, patterns in named:
            for pattern in patterns:
                place = logset.resolve(pattern, session.workspace, self._home)
                for path in logset.files(place, MOST_LOGS):
                    found.setdefault(path, origin)
        return found

    def _adopt(self, found: _Set, wanted: dict[str, Origin]) -> None:
        """What is new is followed: from near its end where it was there before us, else from its begin."""
        room = MOST_FOLLOWED - sum(len(one.logs) for one in self._sets.values())
        for path, origin in wanted.items():
            if path not in found.logs and len(found.logs) < MOST_LOGS and room > 0:
                found.logs[path] = Log(path, origin, BACK if found.first or origin == "transcript" else None)
                room -= 1
        found.first = False
        listed = tuple(LogSource(log.path, log.origin) for log in found.logs.values())
        if listed != found.saved:
            found.saved = listed
            self.on_change()
            self._save(found.session, listed)

    def _save(self, session: Session, logs: tuple[LogSource, ...]) -> None:
        try:
            kind = self._writers.get(session.id, session.kind)
            logbook.save(self._agents, Listed(session.id, session.name, kind, logs, session.opened.wall))
        except OSError as error:
            self._runner.alarm("logs", f"which logs it has cannot be kept for later: {error}", session.id)

    async def _look(self, whole: bool) -> bool:
        """Read what came into all logs; whether anything did, or is coming."""
        logs = [(found, log) for found in self._sets.values() for log in found.logs.values()]
        if not logs:
            return False
        came = await anyio.to_thread.run_sync(_read, [log for _, log in logs], whole)
        at, now = self._runner.clock(), anyio.current_time()
        stirred = grows = False
        for (found, log), (passed, lines) in zip(logs, came, strict=True):
            log.ring.passed(passed)
            for line in lines:
                log.keep(next(found.numbers), at, line)
            reopened = log.reopen(now, at)
            found.opens += reopened
            stirred = stirred or bool(lines) or passed > 0 or reopened
            grows = grows or log.grows
        if stirred:
            self.poke()
        return stirred or grows

    def close(self) -> None:
        """Let go of everything."""
        self._hint.close()
        for found in self._sets.values():
            for log in found.logs.values():
                log.tail.close()

    # What operators ask

    def table(self) -> dict[str, Method]:
        """Methods of operator.sock."""
        return {"logs": self.logs, "log_lines": self.log_lines}

    async def logs(self, params: Params) -> object:
        """The logs of one session."""
        return self._sources(await self._of(params))

    def _sources(self, found: _Set) -> list[LogSource]:
        return [log.source(self._hint.why) for log in found.logs.values()]

    async def log_lines(self, params: Params) -> object:
        """What came last to a session, after the numbers that are given: lines of its logs, and its events. It may wait.

        The lines that have no end yet are given each time; another number than `opens` says that they are others.
        """
        found, after, known = await self._of(params), int(params.get("after", 0)), int(params.get("event", 0))
        opens = int(params.get("opens", 0))
        paths = msgspec.convert(params["paths"], frozenset[str]) if "paths" in params else frozenset(found.logs)
        most = max(1, min(int(params.get("most", MOST_GIVEN)), MOST_GIVEN))
        with anyio.move_on_after(max(0.0, min(float(params.get("wait", 0.0)), WAIT_SECONDS))):
            while not self._newer(found, after, paths) and not self._told(found, known) and opens in (0, found.opens):
                await self._came.wait()
        kept = sorted(self._newer(found, after, paths), key=lambda pair: pair[0].seq)
        ends = [(log.open, log, log.torn) for log in found.logs.values() if log.open is not None and log.path in paths]
        opens = found.opens
        lines, open_ = await anyio.to_thread.run_sync(_told_lines, kept[-most:], ends)
        told = {"events": self._told(found, known)[-most:], "logs": self._sources(found)}
        return {"lines": lines, "missed": len(kept) - len(lines), "open": open_, "opens": opens, **told}

    def _told(self, found: _Set, known: int) -> list[LogView]:
        return [event for event in self._events() if event.session == found.session.id and event.seq > known]

    def _newer(self, found: _Set, after: int, paths: frozenset[str]) -> list[tuple[Kept, Log]]:
        logs = (log for log in found.logs.values() if log.path in paths)
        return [(kept, log) for log in logs for kept in log.ring.after(after)]

    async def _of(self, params: Params) -> _Set:
        """The logs of a session by its id or name; of one that has just begun they are looked for now."""
        wanted = str(params["session"])
        held = [one.session for one in self._runner.state.sessions.values() if wanted in (one.session.id, one.session.name)]
        if not held:
            raise CallError("not-found", f"no agent {wanted}")
        if held[-1].id not in self._sets:
            await self._look_for_logs()
        return self._sets[held[-1].id]


def _read(logs: Iterable[Log], whole: bool) -> list[tuple[int, list[Found]]]:
    return [log.read(whole) for log in logs]


def _told_lines(kept: list[tuple[Kept, Log]], ends: list[tuple[Kept, Log, bool]]) -> tuple[list[LineView], list[LineView]]:
    """Lines as they may leave the daemon: redacted and safe, within one line of the wire; the oldest give way. Blocking.

    Then those without an end yet.
    """
    open_ = [msgspec.structs.replace(_view(one, log, torn), open=True) for one, log, torn in ends]
    lines: list[LineView] = []
    room = MOST_WIRE - sum(map(_size, open_))
    for one, log in reversed(kept):
        view = _view(one, log)
        room -= _size(view)
        if room < 0:
            break
        lines.append(view)
    return lines[::-1], open_


def _size(view: LineView) -> int:
    return len(view.text) + len(view.path) + 200


def _view(one: Kept, log: Log, torn: bool = False) -> LineView:
    found, name = one.found, name_of(log.path, log.origin)
    if isinstance(found, Gap):
        return LineView(one.seq, one.at, log.path, name, -1, show(found.why), "warn")
    told = recognise(found.text)
    text, more = drawn(found.text, MOST_SHOWN, torn=torn or found.cut > 0)
    return LineView(one.seq, one.at, log.path, name, found.at, text, told.level, told.time, found.cut + more)
