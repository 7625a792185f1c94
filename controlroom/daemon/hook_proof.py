"""Whether our hooks are only written or really reach this gate: what came from a session, and what a probe came to (G19)."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from controlroom.agents import Call
from controlroom.agents.command import Probed, hook_file, interpreter, probe
from controlroom.agents.gate_strength import DENIED, OPEN, UNTRIED
from controlroom.agents.gated import GATED
from controlroom.agents.weakening import gates
from controlroom.model.clock import Instant
from controlroom.model.permissions import Hook
from controlroom.model.record import Kind, Record
from controlroom.storage.notes import Carried, Times

MOST_SESSIONS = 512
PROBE_SECONDS = 600.0  # between two probes of the same command
COMMAND_LINE = "command line"
CALL = ""  # in place of an event's name: a call came to the gate of an earlier daemon, by the hook that holds them


class _Asked(msgspec.Struct, frozen=True):
    """Of an intent, the name of the call; "" = no hook asked."""

    call: str = ""


class _Heard:
    def __init__(self) -> None:
        self.calls: dict[str, tuple[int, Instant]] = {}
        self.mode = ""

    def times(self, event: str) -> int:
        """How often a message of this event came."""
        return self.calls[event][0] if event in self.calls else 0

    def of(self, *events: str) -> tuple[int, Instant | None]:
        """How often messages of these events came, and when the last did; each event came after those behind it."""
        last = next((self.calls[event][1] for event in events if event in self.calls), None)
        return sum(map(self.times, events)), last


class HookProof:
    """What hooks told, by session. Messages are counted only after the kernel said from which session they come."""

    def __init__(self, gate_dir: Path, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self._expected = {
            kind: {event: agent.settings.line_of(hook) for event, hook in written.items()}
            for kind, agent in GATED.items()
            for written in [agent.settings.hooks(gate_dir, interpreter(), hook_file())]
        }
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        self._probes: dict[str, tuple[float, str]] = {}

    def heard(self, session: str, call: Call) -> None:
        """A hook of this session spoke."""
        heard = self._heard.setdefault(session, _Heard())
        self._heard.move_to_end(session)
        heard.calls[call.event] = (heard.times(call.event) + 1, self._clock())
        heard.mode = call.mode or heard.mode
        while len(self._heard) > MOST_SESSIONS:
            self._heard.popitem(last=False)

    def recall(self, record: Record) -> None:
        """A record of an earlier daemon: what was heard then proves as much. Only that a call came stands in the journal."""
        if record.kind is Kind.CARRIED:
            carried = msgspec.json.decode(record.body, type=Carried).remembered
            for session, hooks in (carried.hooks if carried is not None else {}).items():
                heard = self._heard[session] = _Heard()
                heard.calls = {event: (told.times, told.last) for event, told in hooks.items()}
        elif record.kind is Kind.INTENT and msgspec.json.decode(record.body, type=_Asked).call:
            heard = self._heard.setdefault(record.session, _Heard())
            heard.calls[CALL] = (heard.times(CALL) + 1, record.at)
        while len(self._heard) > MOST_SESSIONS:
            self._heard.popitem(last=False)

    def carried(self, sessions: Collection[str]) -> dict[str, dict[str, Times]]:
        """What was heard from these sessions, as a new segment of the journal takes it along."""
        heard = ((session, one.calls) for session, one in self._heard.items() if session in sessions)
        return {session: {event: Times(*told) for event, told in calls.items()} for session, calls in heard}

    def mode(self, session: str) -> str:
        """How much the agent asks, as its hook told last; "" = it told nothing of it."""
        return self._heard[session].mode if session in self._heard else ""

    def hooks(self, kind: str, session: str, given: Mapping[str, Mapping[str, object]]) -> tuple[Hook, ...]:
        """Every hook of ours that this kind of agent can have: where it is written, and what came of it. Blocking: it probes.

        `given`: what the layers hold, by path or `command line`.
        """
        written = {source: gates(kind, layer) for source, layer in given.items()}
        heard = self._heard.get(session) or _Heard()
        found = []
        for number, event in enumerate(GATED[kind].settings.EVENTS if kind in GATED else ()):
            where = tuple(source for source, ours in written.items() if event in ours)
            lines = {written[source][event] for source in where}
            times, last = heard.of(event, CALL) if number == 0 else heard.of(event)
            found.append(Hook(event, where, times, last, self._probe(kind, event, lines)))
        return tuple(found)

    def _probe(self, kind: str, event: str, lines: set[str]) -> str:
        """Runs a written command with a call that must be denied; only one that is exactly ours: files are the agent's."""
        if not lines or not GATED[kind].speaks.gates(event):
            return ""
        if lines != {self._expected[kind][event]}:
            return UNTRIED
        (line,) = lines
        now = self._clock().boot / 1e9
        at, came = self._probes.get(line, (-PROBE_SECONDS, ""))
        if now - at >= PROBE_SECONDS:
            done = probe(line)
            came = _words(done)
            self._probes[line] = (now, came)
        return came


def _words(done: Probed) -> str:
    if done.answered:
        return DENIED
    return "it denies; no gate answered" if done.closed else OPEN
