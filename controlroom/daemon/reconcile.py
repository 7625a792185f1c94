"""Compares what an agent's log and hooks tell of its calls with what came to the gate (safety.md, gate 6; G06). No I/O.

The log is a claim and the agent can write to it, so its silence proves nothing; what it tells against the agent counts.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import NamedTuple

from controlroom.agents.same import difference
from controlroom.daemon.naming import same
from controlroom.model.action import Action
from controlroom.model.event import DoubtKind
from controlroom.model.told import ToolResult, ToolUse

GRACE_SECONDS = 1.5  # for the hook of a call that the log has already told; with a look it makes the promised 2 s
MOST_CALLS = 4096  # ids that are remembered
MOST_BYTES = 8 << 20  # of inputs that were judged and may still be compared; of older calls only the id is kept


class Doubt(NamedTuple):
    """What an agent did otherwise than it was allowed to."""

    kind: DoubtKind
    call: str
    text: str


class _Gated:
    """A call that came to the gate. `doubted`: what was wrong with it has been told."""

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action
        self.tool = action.tool
        self.denied = self.doubted = False

    def forget(self) -> int:
        """Let go of the input; how long it was."""
        size = len(self.action.input) if self.action else 0
        self.action = None
        return size


class Reconciler:
    """The calls of one session on both sides. `home`: the agent's, for paths with ~. `partial`: its hooks tell a part of an
    input only. `heard`: one of its hooks has spoken.
    """

    def __init__(self, home: str, *, partial: bool = False) -> None:
        self._home, self._partial = home, partial
        self._gated: OrderedDict[str, _Gated] = OrderedDict()
        self._open: dict[str, tuple[float, ToolUse]] = {}  # call → when the log told of it
        self._past: OrderedDict[str, None] = OrderedDict()  # calls that were told as ungated
        self._judged: deque[_Gated] = deque()  # those of which the input is kept
        self._bytes = 0
        self.heard = False

    def gate(self, call: str, action: Action) -> list[Doubt]:
        """This call came to the gate."""
        if call in self._gated:
            return []
        gated = self._gated[call] = _Gated(action)
        self._judged.append(gated)
        self._bytes += len(action.input)
        while self._bytes > MOST_BYTES or len(self._judged) > MOST_CALLS:
            self._bytes -= self._judged.popleft().forget()
        while len(self._gated) > MOST_CALLS:
            self._gated.popitem(last=False)
        told = self._open.pop(call, None)
        return self.use(told[1], told[0]) if told else []

    def open(self, tool: str, given: str) -> str:
        """The oldest call of which the log tells and that has not come to the gate, with this tool and input; "" = none."""
        wanted = same(tool, given)
        found = (call for call, (_, told) in self._open.items() if told.tool == tool and same(tool, told.input) == wanted)
        return next(found, "")

    def of(self, calls: Iterable[str], tool: str, executed: str) -> str:
        """Which of these calls at the gate this one is that is over: the first with its tool and input, else the first with its
        tool (another hook may have changed the input). "" = none; nor where the input is not told and several would do.
        """
        known = [(call, gated.action) for call in calls if (gated := self._gated.get(call)) and gated.tool == tool]
        if not executed:
            return known[0][0] if len(known) == 1 else ""
        equal = (call for call, action in known if action is not None and action.input == executed)
        return next(equal, known[0][0] if known else "")

    def wait(self, now: float) -> None:
        """A call is still before the gate, and this agent sends the next one only then: no call is late yet."""
        self._open = {call: (now, told) for call, (_, told) in self._open.items()}

    def recall(self, call: str, action: Action, *, denied: bool) -> None:
        """This call came to the gate of an earlier daemon; its input may not be all there, and nothing is compared with it."""
        gated = self._gated[call] = _Gated(action)
        gated.forget()
        gated.denied = denied
        while len(self._gated) > MOST_CALLS:
            self._gated.popitem(last=False)

    def denied(self, call: str) -> None:
        """The gate said no."""
        if call in self._gated:
            self._gated[call].denied = True

    def use(self, told: ToolUse, now: float) -> list[Doubt]:
        """The log tells of a call."""
        if told.call in self._gated:
            return self._compare(told.call, told.tool, told.input, "its log")
        if told.call not in self._past and len(self._open) < MOST_CALLS:
            self._open.setdefault(told.call, (now, told))
        return []

    def result(self, told: ToolResult) -> list[Doubt]:
        """The log tells how a call ended: what was turned away before any hook never ran, what was denied must not have run."""
        if told.refused:
            self._open.pop(told.call, None)
        gated = self._gated.get(told.call)
        if gated is None or not gated.denied or told.failed:
            return []
        return self._doubt(gated, told.call, f"RAN THOUGH DENIED: {gated.tool} ({told.call}) ended well by the agent's log")

    def ran(self, call: str, tool: str, executed: str) -> list[Doubt]:
        """A hook tells afterwards what ran ("" = it does not say)."""
        return self._compare(call, tool, executed, "its own report") if call in self._gated else []

    def late(self, now: float) -> list[Doubt]:
        """Calls that ran past the gate, each told once."""
        late = [(call, told.tool) for call, (at, told) in self._open.items() if now - at >= GRACE_SECONDS]
        for call, _ in late:
            del self._open[call]
            self._past[call] = None
        while len(self._past) > MOST_CALLS:
            self._past.popitem(last=False)
        tail = "" if self.heard else "; no hook of this agent has spoken"
        text = "UNGATED: the agent's log tells of {} ({}) and it never came to the gate{}"
        return [Doubt("ungated", call, text.format(tool, call, tail)) for call, tool in late]

    def _compare(self, call: str, tool: str, told: str, source: str) -> list[Doubt]:
        gated = self._gated[call]
        differs = difference(gated.action, tool, told, self._home, partial=self._partial) if gated.action else ""
        said = f"OTHER INPUT: {gated.tool} ({call}) is another one by {source}: {differs}"
        return self._doubt(gated, call, said) if differs else []

    def _doubt(self, gated: _Gated, call: str, text: str) -> list[Doubt]:
        before, gated.doubted = gated.doubted, True
        return [] if before else [Doubt("other-input", call, text)]
