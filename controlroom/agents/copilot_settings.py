"""Our hooks as Copilot CLI's hook files spell them, in a file of ours beside the user's; and what elsewhere weakens them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from controlroom.agents.command import command, is_ours
from controlroom.agents.copilot import KINDS, gates
from controlroom.agents.layers import folder, places, present
from controlroom.agents.loose_json import read_loose
from controlroom.agents.strict import BadJson
from controlroom.hook import GATE_SECONDS as ANSWERED_SECONDS
from controlroom.model.permissions import Strength

AGENT = "copilot"
EVENTS: tuple[str, ...] = tuple(KINDS)
HEAD: dict[str, object] = {"version": 1}
COMMENTS = False
NOTES: tuple[str, ...] = ()
SCOPES: tuple[str, ...] = ("user",)
OTHER_SCOPES = (
    "Copilot CLI has a gate in your own hooks only (--scope user): a project's hooks count only where the folder is trusted"
)
GATE_SECONDS = 900  # longer than the hook's own deadline: the agent runs a call whose hook has not answered in time
OBSERVED_SECONDS = 30
FILE = "hooks/controlroom.json"


def hooks(gate_dir: Path, python: Path, hook: Path) -> dict[str, dict[str, object]]:
    """Our one hook for each event, as an item of that event's array. Raises ValueError for a path that is not absolute."""
    return {
        event: {
            "type": "command",
            "bash": command(gate_dir, python, hook, AGENT, event),
            "timeoutSec": GATE_SECONDS if gates(event) else OBSERVED_SECONDS,
        }
        for event in EVENTS
    }


def ours(event: str, hook: object) -> bool:
    """Whether an item of an event's array is one that we made."""
    line = hook.get("bash") if isinstance(hook, dict) else None
    return isinstance(line, str) and is_ours(line, AGENT, event)


def line_of(hook: Mapping[str, object]) -> str:
    """The command of an item of ours."""
    return str(hook["bash"])


def file(scope: str, home: Path, project: Path, managed: Path | None = None) -> Path:
    """Where the hook file of ours lies; `scope` is one of SCOPES."""
    return Path(folder(AGENT, str(home), os.environ)) / FILE


def strength(layer: Mapping[str, object]) -> tuple[Strength, str]:
    """What becomes of a call whose hook fails, by a file that holds our gate."""
    events = layer.get("hooks")
    items = events.get("preToolUse") if isinstance(events, dict) else None
    given = [hook.get("timeoutSec") for hook in (items if isinstance(items, list) else ()) if ours("preToolUse", hook)]
    if given and all(isinstance(s, int | float) and not isinstance(s, bool) and s > ANSWERED_SECONDS for s in given):
        return "closed except timeout", (
            f"the agent denies a call whose hook fails; it would run one whose hook has not answered in {GATE_SECONDS} s, "
            f"and ours denies by itself after {ANSWERED_SECONDS:.0f} s"
        )
    return "open on failure", (
        f"the agent runs a call whose hook is not done in time, and its entry gives less than the {ANSWERED_SECONDS:.0f} s "
        "after which ours denies by itself: install it again"
    )


def layers(home: Path, project: Path, managed: Sequence[Path] = ()) -> tuple[dict[str, dict[str, object]], list[str]]:
    """Every settings file that exists, by path; and a line for each that cannot be read."""
    found: dict[str, dict[str, object]] = {}
    troubles: list[str] = []
    for place in places(AGENT, str(home), str(project), os.environ):
        for path in present(place) if place.layer.role == "settings" else ():
            try:
                value = read_loose(Path(path).read_bytes())
            except FileNotFoundError:
                continue
            except (BadJson, OSError) as e:
                troubles.append(f"{path}: cannot be read ({e}); the agent ignores the hooks of such a file: repair it")
                continue
            if isinstance(value, dict):
                found[path] = value
    return found, troubles


def warnings(settings: Mapping[str, Mapping[str, object]], version: str = "") -> list[str]:
    """What in the settings layers (by path) weakens the gate; one line each. No version is known that has other hooks."""
    found = []
    for name, layer in settings.items():
        if layer.get("disableAllHooks") is True:
            found.append(f'{name}: "disableAllHooks": true switches hooks off; take it out')
        events = layer.get("hooks")
        items = events.get("preToolUse") if isinstance(events, dict) else None
        if isinstance(items, list) and any(not ours("preToolUse", hook) for hook in items):
            found.append(f"{name}: another preToolUse hook is set; it can change a call after it was judged here")
    return found
