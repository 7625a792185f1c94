"""Where the sockets and latches lie, found with the standard library alone: for the calls that must start at once.

The rule is `controlroom.storage.paths.places`; a test holds the two equal.
"""

import os

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from collections.abc import Mapping


class Where:
    """The paths a client needs, as text. Nothing is created or looked at."""

    __slots__ = ("gate_sock", "latches", "operator_sock", "runtime", "state")

    def __init__(self, state: str, runtime: str) -> None:
        self.state = state
        self.runtime = runtime
        self.gate_sock = os.path.join(runtime, "gate.sock")
        self.operator_sock = os.path.join(runtime, "operator.sock")
        self.latches = (os.path.join(state, "latch"), os.path.join(runtime, "latch"))


class NoPlace(Exception):
    """The environment names no usable folder; the text says which variable and what to do."""


def where(env: "Mapping[str, str]") -> Where:
    """The places that `env` names: `CONTROLROOM_HOME` moves all of them together, else the XDG folders. Raises NoPlace."""
    moved = env.get("CONTROLROOM_HOME", "")
    if moved:
        base = _absolute("CONTROLROOM_HOME", moved)
        return Where(os.path.join(base, "state"), os.path.join(base, "run"))
    state = env.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # a relative one is ignored, as the XDG base directory specification demands
        state = os.path.join(state, "controlroom")
    else:
        state = os.path.join(_absolute("HOME", env.get("HOME", "")), ".local/state/controlroom")
    runtime = env.get("XDG_RUNTIME_DIR", "")
    return Where(state, os.path.join(runtime, "controlroom") if os.path.isabs(runtime) else state)


def _absolute(name: str, value: str) -> str:
    if not os.path.isabs(value):
        raise NoPlace(f"{name} is {value!r}; set it to an absolute path")
    return os.path.normpath(value)


def latched(places: Where) -> str:
    """The first latch file that is there, "" when none is. One that cannot be looked at counts as there (fail closed)."""
    for path in places.latches:
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass
        return path
    return ""
