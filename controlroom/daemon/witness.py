"""Compares what an agent's own log tells with what came to the gate: a call that did not is UNGATED (safety.md, gate 6; G06).

The log is a claim and the agent can write to it, so its silence proves nothing; what it tells against the agent counts.
"""

import glob
import itertools
from collections import OrderedDict
from collections.abc import Callable

import anyio
import anyio.to_thread

from controlroom.agents import TRANSCRIPTS, Call
from controlroom.agents.transcript import Reader, Transcript
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.agent import SessionState
from controlroom.model.told import Spent, Told, ToolResult, ToolUse
from controlroom.sensing.tail import Found, Gap, Tail

LOOK_SECONDS = 0.5
GRACE_SECONDS = 1.5  # for the hook of a call that the log has already told; with a look it makes the promised 2 s
MOST_LOGS = 64  # of one session, subagents' included
MOST_CALLS = 4096  # ids that are remembered
MOST_MESSAGES = 256
MOST_READ = 4 << 20  # bytes of one log at one look


class _Watch:
    """The logs of one session, and its calls on both sides."""

    def __init__(self, path: str, decoder: Transcript, clock: Callable[[], float]) -> None:
        self.path, self._decoder, self._clock = path, decoder, clock
        self._tails: dict[str, Tail] = {path: Tail(path, back=0)}
        self._readers: dict[str, Reader] = {}
        self._first = True
        self.gated: OrderedDict[str, None] = OrderedDict()
        self.open: dict[str, tuple[float, str]] = {}  # call → when the log told of it, and its tool
        self._spent: OrderedDict[str, int] = OrderedDict()  # of the newest messages: a log repeats them as they grow
        self._before = 0  # tokens of all messages before those

    def read(self) -> tuple[list[Told], list[str]]:
        """What has come, and what is wrong with the logs themselves, in words. Blocking; changes nothing but the tails."""
        self._find()
        told: list[Told] = []
        wrong = []
        for path, tail in self._tails.items():
            for found in _all(tail):
                if isinstance(found, Gap):
                    wrong.append(f"{path}: {found.why}")
                else:
                    told += [heard.told for heard in self._reader(path).read(found.text)]
        return told, wrong

    def _reader(self, path: str) -> Reader:
        if path not in self._readers:
            self._readers[path] = self._decoder.reader(path)
        return self._readers[path]

    def _find(self) -> None:
        """Logs of subagents; those that were there before us are read from their end on."""
        pattern = self._decoder.side_logs(self.path)
        for path in itertools.islice(glob.iglob(pattern), MOST_LOGS) if pattern else ():
            if path not in self._tails and len(self._tails) < MOST_LOGS:
                self._tails[path] = Tail(path, back=0 if self._first else None)
        self._first = False

    def take(self, told: Told) -> None:
        """One thing that a log told."""
        match told:
            case ToolUse():
                if told.call not in self.gated and len(self.open) < MOST_CALLS:
                    self.open.setdefault(told.call, (self._clock(), told.tool))
            case ToolResult():
                if told.refused:  # or never valid: it did not run
                    self.open.pop(told.call, None)
            case Spent():
                self._spent[told.key] = told.tokens.total
                if len(self._spent) > MOST_MESSAGES:
                    self._before += self._spent.popitem(last=False)[1]

    def tokens(self) -> int:
        """All that the log has told since we read it."""
        return self._before + sum(self._spent.values())

    def gate(self, call: str) -> None:
        """This call came to the gate."""
        self.gated[call] = None
        self.open.pop(call, None)
        while len(self.gated) > MOST_CALLS:
            self.gated.popitem(last=False)

    def late(self) -> list[tuple[str, str]]:
        """Calls that ran past the gate, each told once: id and tool."""
        now = self._clock()
        late = [(call, tool) for call, (at, tool) in self.open.items() if now - at >= GRACE_SECONDS]
        for call, _ in late:
            self.gate(call)
        return late

    def close(self) -> None:
        """Let go of the logs."""
        for tail in self._tails.values():
            tail.close()


class Witness:
    """Watches the logs that hooks name, for as long as their session is in the room."""

    def __init__(self, runner: Runner, clock: Callable[[], float]) -> None:
        self._runner, self._clock = runner, clock
        self._watches: dict[str, _Watch] = {}

    def heard(self, session: str, agent: str, call: Call) -> None:
        """A hook of this session spoke: it names its log, and perhaps a call that is now at the gate."""
        decoder, transcript = TRANSCRIPTS.get(agent), call.transcript
        if decoder is None or not transcript.startswith("/"):
            return
        watch = self._watches.get(session)
        if watch is None or watch.path != transcript:
            if watch is not None:
                watch.close()
            watch = self._watches[session] = _Watch(transcript, decoder, self._clock)
        if call.kind == "gate" and call.call:
            watch.gate(call.call)

    def tokens(self, session: str) -> int | None:
        """All tokens that the log has told since we read it; None = there is no log."""
        watch = self._watches.get(session)
        return watch.tokens() if watch else None

    async def run(self) -> None:
        """For ever."""
        while True:
            await anyio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read all logs once, and tell what ran past the gate."""
        for session in [s for s in self._watches if s not in self._runner.state.sessions]:
            self._watches.pop(session).close()
        for session, watch in list(self._watches.items()):
            told, wrong = await anyio.to_thread.run_sync(watch.read)
            for one in told:
                watch.take(one)
            for why in wrong:
                self._runner.alarm("transcript", f"the agent's log is not what it was: {why}", session)
            for call, tool in watch.late():
                self._ungated(session, call, tool)

    def _ungated(self, session: str, call: str, tool: str) -> None:
        held = self._runner.state.sessions.get(session)
        supervised = held is not None and held.session.supervised and held.session.state is SessionState.RUNNING
        then = "; the session is being paused" if supervised else ""
        text = f"UNGATED: the agent's log tells of {tool} ({call}) and it never came to the gate{then}"
        self._runner.alarm("ungated", text, session)
        if supervised:
            self._runner.feed(ev.Steered(self._runner.clock(), session, "pause", "an ungated call"))


def _all(tail: Tail) -> list[Found]:
    found: list[Found] = []
    read = 0
    while tail.more or read == 0:
        found += tail.read(1 << 20)
        read += 1 << 20
        if read >= MOST_READ:
            break
    return found
