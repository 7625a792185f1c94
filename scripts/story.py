"""Records what the daemon shows a room while the demo's story goes on, so that pictures can be drawn from it at any time.

Everything is real: the demo's agent, hooks, daemon and stop. What differs from run to run (ids, process numbers, times,
folders, the machine) is replaced, so that a recording changes only when the program does.
"""

import getpass
import re
import socket
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from controlroom.agents.command import hook_file, interpreter
from controlroom.cli.demo import Stage, stage
from controlroom.cli.demo_room import NAME
from controlroom.client.rpc import Operator
from controlroom.model.clock import SECOND, Instant
from controlroom.model.permissions import Environment, Permissions
from controlroom.model.view import LayerView, RoomView

NOW = Instant(90_000 * SECOND, 1_790_000_000 * SECOND)
STEP = 4  # seconds between two moments of a recording
ROUND = 10  # seconds that what is left of a deadline is rounded to
WORKSPACE = "/home/ada/shop"
HOST = "forge"
_HEX = re.compile(r"(?<![0-9a-z_])(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{8})(?![0-9a-z_])")
_PIDS = ("pid", "ppid")


class Moment(msgspec.Struct, frozen=True):
    """One moment of the story: the daemon's snapshot, and the facts that two tabs ask for."""

    view: RoomView
    layers: tuple[LayerView, ...] = ()
    permissions: Permissions | None = None


def record() -> dict[str, Moment]:
    """The story's moments by name: it asks, it asks for its own settings, it is stopped. Raises NotAsTold."""
    with stage() as made:
        made.cli("daemon", "start")
        made.cli("run", "--name", NAME, "--detach", "--workspace", str(made.workspace), "--", *made.agent())
        with Operator(made.places) as operator:
            asked = _until(made, operator, lambda v: bool(v.pending))
            allowed = asked.view.pending[0]
            operator.call("allow", id=allowed.id, digest=allowed.digest)
            operator.call("grant", name=NAME, effects=list(allowed.effects), argv=list(allowed.argv[0]), uses=3, seconds=300)
            settings = _until(made, operator, lambda v: any(r.diff for r in v.pending))
            operator.call("deny", id=settings.view.pending[0].id, reason="ask a person for more permissions")
            _until(made, operator, lambda v: any(a.load and a.load.processes > 3 for a in v.agents))
            operator.call("estop")
            stopped = _until(made, operator, lambda v: all(a.stop and a.stop.proof for a in v.agents))
        steady = _Steady(made)
        return {name: steady.moment(m) for name, m in (("asked", asked), ("settings", settings), ("stopped", stopped))}


def _until(made: Stage, operator: Operator, look: Callable[[RoomView], object], seconds: float = 30.0) -> Moment:
    end = time.monotonic() + seconds
    while not look(view := msgspec.convert(operator.call("view"), RoomView)):
        if time.monotonic() > end:
            raise TimeoutError(f"the story did not go on within {seconds:g} s")
        time.sleep(0.05)
    session = view.agents[0].id
    layers = msgspec.convert(operator.call("layers", session=session), tuple[LayerView, ...])
    known = msgspec.convert(operator.call("permissions", session=session), Permissions)
    known = msgspec.structs.replace(known, environment=Environment())  # that of whoever draws the pictures is nobody's business
    return Moment(view, layers, known)


class _Steady:
    """Takes out what is different in every run, the same way in all moments of one recording."""

    def __init__(self, made: Stage) -> None:
        self._words = {
            str(made.workspace): WORKSPACE,
            str(made.home): "/home/ada/.demo",
            str(interpreter()): "/usr/bin/python3",
            sys.executable: "python3",
            str(hook_file().parent): "/usr/lib/controlroom",
            str(Path.home()): "/home/ada",
            socket.gethostname(): HOST,
            f"operator:{getpass.getuser()}": "operator:ada",
        }
        self._ids: dict[str, str] = {}
        self._pids: dict[int, int] = {}

    def moment(self, moment: Moment) -> Moment:
        """The same moment as it could be on any machine."""
        plain = msgspec.to_builtins(moment)
        times: set[int] = set()
        _times(plain, times)
        now = moment.view.now.boot
        past = sorted((t for t in times if t <= now), reverse=True)
        known = {t: NOW.boot - STEP * SECOND * at for at, t in enumerate(past)}
        known |= {t: NOW.boot + -(-(t - now) // (ROUND * SECOND)) * ROUND * SECOND for t in times if t > now}
        return msgspec.convert(self._clean(plain, known, ""), Moment)

    def _clean(self, value: Any, known: dict[int, int], key: str) -> Any:
        match value:
            case {"boot": int(boot), "wall": int()} if len(value) == 2:
                return {"boot": known[boot], "wall": known[boot] - NOW.boot + NOW.wall}
            case dict():
                return {k: self._clean(v, known, k) for k, v in value.items()}
            case list() | tuple():
                return [self._clean(v, known, key) for v in value]
            case str():
                return self._text(value)
            case int() if key in _PIDS:
                return self._pids.setdefault(value, 4242 + len(self._pids))
            case _:
                return {"start": 1000, "ms": 9, "seq": value, "cpu": 4.0, "age": 12.0}.get(key, value)

    def _text(self, text: str) -> str:
        for own, stand_in in self._words.items():
            text = text.replace(own, stand_in)
        return _HEX.sub(lambda found: self._id(found[0]), text)

    def _id(self, own: str) -> str:
        """Another id of the same length; the beginning of a digest stays the beginning of that digest."""
        longer = next((other for other in self._ids if other.startswith(own) and other != own), "")
        if longer:
            return self._ids[longer][: len(own)]
        return self._ids.setdefault(own, sha256(str(len(self._ids)).encode()).hexdigest()[: len(own)])


def _times(value: Any, found: set[int]) -> None:
    match value:
        case {"boot": int(boot), "wall": int()} if len(value) == 2:
            found.add(boot)
        case dict():
            for part in value.values():
                _times(part, found)
        case list() | tuple():
            for part in value:
                _times(part, found)
