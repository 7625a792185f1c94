"""Our hooks as Claude Code's settings spell them, for one launch or for a file; and what in other layers would weaken them."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from controlroom.agents import hook_groups
from controlroom.agents.claude_code import gates
from controlroom.agents.command import Ungated, command
from controlroom.agents.strict import BadJson, read_object
from controlroom.model.permissions import Strength

AGENT = "claude-code"
EVENTS: tuple[str, ...] = (
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "SessionStart",
    "SessionEnd",
    "SubagentStart",
    "SubagentStop",
    "PermissionRequest",
    "PreCompact",
    "ConfigChange",
)
HEAD: dict[str, object] = {}
COMMENTS = False
NOTES: tuple[str, ...] = ()
SCOPES: tuple[str, ...] = ("user", "project", "managed")
OTHER_SCOPES = ""
MANAGED = Path("/etc/claude-code")
MANAGED_FILE = "managed-settings.d/50-controlroom.json"
ON_TOOLS = frozenset({"PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest"})  # events that take a matcher
GATE_SECONDS = 900  # longer than the hook's own deadline, so that it is never the agent's timer that decides
OBSERVED_SECONDS = 30
CLOSED_SINCE = (2, 1, 295)  # older versions ignore onFailure and run the call when a hook fails
GATE_OFF = {
    "--bare": "switches every hook off",
    "--safe-mode": "switches every hook off",
}


def hooks(gate_dir: Path, python: Path, hook: Path) -> dict[str, dict[str, object]]:
    """Our one group for each event, as an item of that event's array. Raises ValueError for a path that is not absolute."""
    groups: dict[str, dict[str, object]] = {}
    for event in EVENTS:
        handler: dict[str, object] = {"type": "command", "command": command(gate_dir, python, hook, AGENT, event)}
        if gates(event):
            handler |= {"timeout": GATE_SECONDS, "onFailure": "block", "statusMessage": "waiting for operator"}
        else:
            handler |= {"timeout": OBSERVED_SECONDS}
        groups[event] = {**({"matcher": "*"} if event in ON_TOOLS else {}), "hooks": [handler]}
    return groups


def ours(event: str, group: object) -> bool:
    """Whether a group of an event's array is one that we made."""
    return hook_groups.ours(AGENT, event, group)


def line_of(group: Mapping[str, object]) -> str:
    """The command of a group of ours."""
    return hook_groups.line_of(group)


def file(scope: str, home: Path, project: Path, managed: Path | None = None) -> Path:
    """Which settings file a scope means, one of SCOPES."""
    if scope == "managed":
        return (managed or MANAGED) / MANAGED_FILE
    return (home if scope == "user" else project) / ".claude" / "settings.json"


def strength(layer: Mapping[str, object]) -> tuple[Strength, str]:
    """What becomes of a call whose hook fails: closed where an entry of ours, where it gates, says that it is to be denied."""
    events = layer.get("hooks")
    groups = events.get("PreToolUse") if isinstance(events, dict) else None
    if any(ours("PreToolUse", group) and _blocks(group) for group in (groups if isinstance(groups, list) else ())):
        return "closed", "the agent denies a call whose hook fails, from Claude Code 2.1.295 on"
    return (
        "open on failure",
        "the agent runs a call whose hook is killed or takes too long: its entry does not say onFailure block",
    )


def _blocks(group: object) -> bool:
    return isinstance(group, dict) and all(hook.get("onFailure") == "block" for hook in group["hooks"])


def launched(argv: Sequence[str], gate_dir: Path, python: Path, hook: Path, cwd: Path) -> list[str]:
    """The command line with the gate in it. Raises Ungated as `with_settings`."""
    return with_settings(argv, settings_json(gate_dir, python, hook), cwd)


def settings_json(gate_dir: Path, python: Path, hook: Path) -> str:
    """The settings of one launch: our hooks, and that no project may switch hooks off (measured: written out, it wins)."""
    groups = {event: [group] for event, group in hooks(gate_dir, python, hook).items()}
    return json.dumps({"disableAllHooks": False, "hooks": groups}, separators=(",", ":"))


def with_settings(argv: Sequence[str], settings: str, cwd: Path | None = None) -> list[str]:
    """The command line with our settings on it, merged over the user's own `--settings` (JSON text, or a file seen from `cwd`).

    Raises Ungated where the gate would be off or the user's settings cannot be merged.
    """
    if not argv:
        raise Ungated("no command is given")
    end = argv.index("--") if "--" in argv else len(argv)
    for word in argv[1:end]:
        flag = word.partition("=")[0]
        if flag in GATE_OFF:
            raise Ungated(f"{flag} {GATE_OFF[flag]}, so nothing would be held; start it without {flag}")
    kept, given = [argv[0]], list[str]()
    words = iter(argv[1:end])
    for word in words:
        if word == "--settings":
            given.append(next(words, ""))
        elif word.startswith("--settings="):
            given.append(word.partition("=")[2])
        else:
            kept.append(word)
    if len(given) > 1:
        raise Ungated("--settings is given more than once; give it once")
    merged = _merge(given[0], settings, cwd or Path.cwd()) if given else settings
    return [kept[0], "--settings", merged, *kept[1:], *argv[end:]]


def inline_settings(argv: Sequence[str]) -> dict[str, object]:
    """What `--settings` gives as JSON on a command line; {} for none, a file's name, or what cannot be read."""
    words = list(argv[1 : argv.index("--") if "--" in argv else len(argv)])
    given = [then for word, then in pairwise(words) if word == "--settings"]
    given += [word.removeprefix("--settings=") for word in words if word.startswith("--settings=")]
    text = next((one for one in given if one.lstrip().startswith("{")), "{}")
    try:
        return read_object(text.encode())
    except BadJson:
        return {}


def _merge(given: str, settings: str, cwd: Path) -> str:
    text = given.strip()
    try:
        user = read_object(text.encode() if text.startswith("{") else (cwd / text).read_bytes())
    except (BadJson, OSError, ValueError) as e:
        raise Ungated(f"--settings {text[:80]!r} cannot be read, so our hooks cannot be put beside it: {e}") from None
    own = read_object(settings.encode())
    theirs, added = user.get("hooks", {}), own["hooks"]
    if not isinstance(theirs, dict) or not isinstance(added, dict):
        raise Ungated(f"--settings {text[:80]!r}: hooks must be an object")
    both = dict(theirs)
    for event, groups in added.items():
        before = theirs.get(event, [])
        if not isinstance(before, list):
            raise Ungated(f"--settings {text[:80]!r}: hooks.{event} must be an array")
        both[event] = [*before, *groups]
    return json.dumps({**user, **own, "hooks": both}, separators=(",", ":"))


def layers(home: Path, project: Path, managed: Sequence[Path] = ()) -> tuple[dict[str, dict[str, object]], list[str]]:
    """Every settings file that exists, by path, from the weakest to the strongest; and a line for each that cannot be read.

    `managed`: where an administrator's lie, () = the file of ours.
    """
    found: dict[str, dict[str, object]] = {}
    troubles: list[str] = []
    names = [home / ".claude/settings.json", project / ".claude/settings.json", project / ".claude/settings.local.json"]
    for path in [*names, *(managed or (MANAGED / MANAGED_FILE,))]:
        try:
            found[str(path)] = read_object(path.read_bytes())
        except FileNotFoundError:
            continue
        except (BadJson, OSError) as e:
            troubles.append(f"{path}: cannot be read ({e}); the agent ignores the hooks of such a file: repair it")
    return found, troubles


def warnings(settings: Mapping[str, Mapping[str, object]], version: str = "") -> list[str]:
    """What in the settings layers (by path or name) or in this version of Claude Code weakens the gate; one line each.

    `version` as `claude --version` prints it, "" = not known.
    """
    found = []
    for name, layer in settings.items():
        if layer.get("disableAllHooks") is True:
            found.append(f'{name}: "disableAllHooks": true switches installed hooks off; only `controlroom run` overrides it')
        if layer.get("allowManagedHooksOnly") is True:
            found.append(f'{name}: "allowManagedHooksOnly": true leaves managed hooks only; install with --scope managed')
        others = layer.get("hooks")
        groups = others.get("PreToolUse") if isinstance(others, dict) else None
        if isinstance(groups, list) and any(not ours("PreToolUse", group) for group in groups):
            found.append(f"{name}: another PreToolUse hook is set; it can change a call after it was judged here")
    numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    if numbers is None:
        found.append("the version of Claude Code is not known; before 2.1.295 a hook that is killed lets the call run")
    elif tuple(map(int, numbers.groups())) < CLOSED_SINCE:
        found.append(
            f"Claude Code {numbers[0]} ignores onFailure: a hook that is killed lets the call run; update to 2.1.295 or later"
        )
    return found
