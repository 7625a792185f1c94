"""Our hooks as Gemini CLI's settings spell them, beside the user's own; and what elsewhere weakens them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from controlroom.agents import hook_groups
from controlroom.agents.command import command
from controlroom.agents.gemini import KINDS, gates
from controlroom.agents.layers import folder, places, present
from controlroom.agents.loose_json import read_loose
from controlroom.agents.strict import BadJson
from controlroom.hook import GATE_SECONDS as ANSWERED_SECONDS
from controlroom.model.permissions import Strength

AGENT = "gemini"
EVENTS: tuple[str, ...] = tuple(KINDS)
HEAD: dict[str, object] = {}
COMMENTS = True
SCOPES: tuple[str, ...] = ("user",)
OTHER_SCOPES = (
    "Gemini CLI has a gate in your own settings only (--scope user): a project's count only where the folder is trusted"
)
NOTES: tuple[str, ...] = ("it holds in folders that Gemini CLI trusts; in others it runs no hooks at all, and nothing is held",)
NAME = "controlroom"  # of our hooks in its settings, where `hooksConfig.disabled` may name it
ON_TOOLS = frozenset({"BeforeTool", "AfterTool"})  # events that take a matcher
GATE_MS = 900_000  # longer than the hook's own deadline: the agent runs a call whose hook has not answered in time
OBSERVED_MS = 30_000
FILE = "settings.json"
TRUST = "trustedFolders.json"


def hooks(gate_dir: Path, python: Path, hook: Path) -> dict[str, dict[str, object]]:
    """Our one group for each event, as an item of that event's array. Raises ValueError for a path that is not absolute."""
    groups: dict[str, dict[str, object]] = {}
    for event in EVENTS:
        line = command(gate_dir, python, hook, AGENT, event)
        timeout = GATE_MS if gates(event) else OBSERVED_MS
        handler = {"type": "command", "name": NAME, "command": line, "timeout": timeout}
        groups[event] = {**({"matcher": "*"} if event in ON_TOOLS else {}), "hooks": [handler]}
    return groups


def ours(event: str, group: object) -> bool:
    """Whether a group of an event's array is one that we made."""
    return hook_groups.ours(AGENT, event, group)


def line_of(group: Mapping[str, object]) -> str:
    """The command of a group of ours."""
    return hook_groups.line_of(group)


def file(scope: str, home: Path, project: Path, managed: Path | None = None) -> Path:
    """The user's settings; `scope` is one of SCOPES."""
    return Path(folder(AGENT, str(home), os.environ)) / FILE


def strength(layer: Mapping[str, object]) -> tuple[Strength, str]:
    """What becomes of a call whose hook fails, by a file that holds our gate."""
    groups = [group for group in _gate_groups(layer) if ours("BeforeTool", group)]
    if groups and all(_holds(group) for group in groups):
        return "open on failure", (
            "the agent denies a call whose hook is killed, breaks or says nothing, as our denial is said first; it would run "
            f"one whose hook cannot be started, or has not answered in {GATE_MS // 1000} s (ours denies by itself after "
            f"{ANSWERED_SECONDS:.0f})"
        )
    return "open on failure", (
        "the agent runs a call that its entry's matcher leaves out, or whose hook is not done in time, and the entry is not "
        f"for all tools, or gives less than the {ANSWERED_SECONDS:.0f} s after which ours denies by itself: install it again"
    )


def _holds(group: Mapping[str, object]) -> bool:
    handlers = group["hooks"]
    given = handlers[0].get("timeout") if isinstance(handlers, list) else None
    long = isinstance(given, int | float) and not isinstance(given, bool) and given > ANSWERED_SECONDS * 1000
    return long and group.get("matcher", "*") in ("*", "")


def _gate_groups(layer: Mapping[str, object]) -> list[dict[str, object]]:
    events = layer.get("hooks")
    groups = events.get("BeforeTool") if isinstance(events, dict) else None
    return [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []


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
                troubles.append(f"{path}: cannot be read ({e}); the agent may not start with such a file: repair it")
                continue
            if isinstance(value, dict):
                found[path] = value
    return found, troubles


def warnings(settings: Mapping[str, Mapping[str, object]], version: str = "") -> list[str]:
    """What in the settings layers (by path) weakens the gate; one line each. No version is known that has other hooks."""
    return [f"{name}: {warning}" for name, layer in settings.items() for warning in _warnings(name, layer)]


def _warnings(name: str, layer: Mapping[str, object]) -> Iterator[str]:
    if name.endswith(f"/{TRUST}"):
        for path, trust in layer.items():
            if trust == "DO_NOT_TRUST":
                yield f"{path} is not trusted, so no hook is run there: BeforeTool neither, and no call is held"
        return
    config = layer.get("hooksConfig")
    switched = config if isinstance(config, dict) else {}
    if switched.get("enabled") is False:
        yield '"hooksConfig.enabled": false switches hooks off; take it out'
    disabled = switched.get("disabled")
    if isinstance(disabled, list) and NAME in disabled:
        yield f'"hooksConfig.disabled" names "{NAME}", which switches our hooks off; take it out'
    if any(not ours("BeforeTool", group) for group in _gate_groups(layer)):
        yield "another BeforeTool hook is set; it can change a call after it was judged here"
