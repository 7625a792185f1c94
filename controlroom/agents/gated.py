"""The agents that have a gate, one row each, and what is said of those that have none yet.

One more is a file for how its hook speaks (`Adapter`), one for how its settings spell our hooks (`Settings`), and a row.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from controlroom.agents import (
    claude_code,
    claude_settings,
    codex,
    codex_settings,
    copilot,
    copilot_settings,
    gemini,
    gemini_settings,
)
from controlroom.agents.adapter import Adapter
from controlroom.model.permissions import Strength

Layers = Mapping[str, Mapping[str, object]]  # settings by path, or `command line`


class Settings(Protocol):
    """How an agent's settings spell our hooks, as JSON with `hooks.EVENT: [...]`. A module with these names is one."""

    EVENTS: tuple[str, ...]  # the first is the one that holds a call
    HEAD: dict[str, object]  # what else a settings file must hold that we make
    COMMENTS: bool  # whether the agent reads comments in it
    NOTES: tuple[str, ...]  # what to know before it is installed
    SCOPES: tuple[str, ...]  # where it can be installed
    OTHER_SCOPES: str  # why not elsewhere, and what to do

    def hooks(self, gate_dir: Path, python: Path, hook: Path) -> dict[str, dict[str, object]]:
        """Our one item for each event's array. Raises ValueError for a path that is not absolute."""

    def ours(self, event: str, hook: object) -> bool:
        """Whether an item of an event's array is one that we made."""

    def line_of(self, hook: Mapping[str, object]) -> str:
        """The command of an item of ours."""

    def file(self, scope: str, home: Path, project: Path, managed: Path | None = None) -> Path:
        """Which file a scope means, one of SCOPES."""

    def strength(self, layer: Mapping[str, object]) -> tuple[Strength, str]:
        """What becomes of a call whose hook fails, by settings that hold our gate; and why."""

    def layers(self, home: Path, project: Path, managed: Sequence[Path] = ()) -> tuple[dict[str, dict[str, object]], list[str]]:
        """Every settings file that exists, by path, the weakest first; and a line for each that cannot be read."""

    def warnings(self, settings: Layers, version: str = "") -> list[str]:
        """What in the settings (by path) or in this version weakens the gate; one line each."""


class Launch(NamedTuple):
    """How the gate goes with one launch. `put`: into a command line, for a gate folder, interpreter, hook file and working
    folder; raises Ungated. `inline`: the settings that a command line holds, {} for none.
    """

    put: Callable[[Sequence[str], Path, Path, Path, Path], list[str]]
    inline: Callable[[Sequence[str]], dict[str, object]]


class Gated(NamedTuple):
    """One agent. `program`: how it is started; `speaks`: its hook; `settings`: where that is written; `launch`: None = only
    installed hooks hold it; `mode`: the key of its settings under which its hook tells how much it asks, "" = it tells not;
    `partial`: its hooks tell a part of a call's input only.
    """

    program: str
    speaks: Adapter
    settings: Settings
    launch: Launch | None = None
    mode: str = ""
    partial: bool = False


GATED: Mapping[str, Gated] = {
    "claude-code": Gated(
        "claude",
        claude_code,
        claude_settings,
        Launch(claude_settings.launched, claude_settings.inline_settings),
        "permissions.defaultMode",
    ),
    "codex": Gated(
        "codex",
        codex,
        codex_settings,
        Launch(codex_settings.launched, codex_settings.inline_settings),
        "permission_mode",
        partial=True,
    ),
    "copilot": Gated("copilot", copilot, copilot_settings),
    "gemini": Gated("gemini", gemini, gemini_settings),
}
_SHOWN = "each of its calls is shown as its log tells of it"
_UNREAD = "its calls are not seen"
NOT_YET: Mapping[str, tuple[str, str]] = {  # why an agent's calls cannot be held yet, and what is seen of them
    "opencode": ("its questions are answered through a server of its own", _UNREAD),
    "openclaw": ("its approvals are answered through a gateway of its own", _UNREAD),
}


def always(kind: str) -> bool:
    """Whether agents of this kind have the gate however they are started by us; of others only settings and hooks tell."""
    return kind in GATED and GATED[kind].launch is not None


def why_not(kind: str) -> str:
    """That there is no gate for this kind of agent, why, and what to do instead."""
    why, seen = NOT_YET[kind]
    return (
        f"its calls cannot be held yet: {why}. Start it with `controlroom run -- {kind}` all the same: it can be paused and "
        f"stopped, and {seen}. With `--contain enforced` what is never touched holds for every program that it runs"
    )
