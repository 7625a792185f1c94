"""One name for a call in its agent's log and at the gate, where the hook tells no id of it: by tool and input, in their order.

What came first names it: the log's id where the log told of the call before its hook came, else the id that we gave it. Either
side may come first, and equal calls are taken in turn.
"""

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from controlroom.agents.strict import canonical
from controlroom.model.told import SubagentEnded, SubagentStarted, ToolResult, ToolUse

T = TypeVar("T")
OURS = "hook-"  # how an id begins that we gave
MOST = 4096  # names, and calls that wait for their other side
MATCH_SECONDS = 3600.0  # between a call's coming to the gate and its telling: a turn may hold several that wait for an answer


def fresh() -> str:
    """An id for a call that has none."""
    return OURS + secrets.token_hex(8)


def same(tool: str, given: str) -> bytes:
    """Equal for two tellings of one call: the tool, and the input whatever the order of its keys."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):  # what is no JSON stays as it stands
        given = canonical(msgspec.json.decode(given)) if given else ""
    return blake2b(f"{tool}\0{given}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Waits(NamedTuple):
    call: str
    at: float | None  # seconds; None = from before us


class _Waiting:
    """Calls that one side has told, and the other has not yet."""

    def __init__(self) -> None:
        self._calls: OrderedDict[bytes, deque[_Waits]] = OrderedDict()

    def put(self, key: bytes, one: _Waits) -> None:
        self._calls.setdefault(key, deque(maxlen=MOST)).append(one)
        while len(self._calls) > MOST:
            self._calls.popitem(last=False)

    def find(self, key: bytes, fits: Callable[[str], bool]) -> str:
        """The oldest that fits; it goes on waiting."""
        return next((one.call for one in self._calls.get(key, ()) if fits(one.call)), "")

    def take(self, key: bytes, at: float | None) -> str:
        """The oldest, "" where there is none. What came within our time has a limit."""
        found = self._calls.get(key)
        while found:
            one = found.popleft()
            if not found:
                del self._calls[key]
            if at is None or one.at is None or at - one.at <= MATCH_SECONDS:
                return one.call
        return ""


class Naming:
    """The names of one session's calls."""

    def __init__(self) -> None:
        self._asked, self._told = _Waiting(), _Waiting()
        self._names: OrderedDict[str, str] = OrderedDict()

    def of(self, call: str) -> str:
        """The name of a call that was told or asked."""
        return self._names.get(call, call)

    def waiting(self, tool: str, given: str, fits: Callable[[str], bool]) -> str:
        """The oldest call like this of which only the log has told and that fits; "" = none."""
        return self._told.find(same(tool, given), fits)

    def asked(self, call: str, tool: str, given: str, at: float | None = None) -> str:
        """The name of a call that came to the gate. `at`: now, for one that comes this moment and that the log has not told;
        None = it is recalled.
        """
        if not call.startswith(OURS) or call in self._names:
            return self.of(call)
        key = same(tool, given)
        found = self._told.take(key, None) if at is None else ""
        if not found:
            self._asked.put(key, _Waits(call, at))
        return self._name(call, found or call)

    def told(self, told: T, at: float | None = None) -> T:
        """What a log tells, under the name of its call. `at`: now, None = it stood there before."""
        if isinstance(told, ToolUse) and told.call not in self._names:
            key = same(told.tool, told.input)
            found = self._asked.take(key, at)
            if not found:
                self._told.put(key, _Waits(told.call, at))
            self._name(told.call, found or told.call)
        if isinstance(told, ToolUse | ToolResult | SubagentStarted | SubagentEnded) and self.of(told.call) != told.call:
            return msgspec.structs.replace(told, call=self.of(told.call))
        return told

    def _name(self, call: str, name: str) -> str:
        self._names[call] = name
        while len(self._names) > MOST:
            self._names.popitem(last=False)
        return name
