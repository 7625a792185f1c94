"""Our hooks as Codex's settings spell them, for one launch; and what in its command line or elsewhere would weaken them.

Nothing is written into the user's files: Codex runs a hook only once its user has trusted it, by a hash under its place in its
file, and skips it without a word where either has changed since. A launch brings both along on its command line.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from controlroom.agents import hook_groups, signs
from controlroom.agents.codex import KINDS, gates
from controlroom.agents.command import Ungated, command
from controlroom.agents.layers import folder, places, present
from controlroom.agents.strict import BadJson, canonical
from controlroom.model.permissions import Strength

AGENT = "codex"
EVENTS: tuple[str, ...] = tuple(KINDS)
HEAD: dict[str, object] = {}
COMMENTS = False
NOTES: tuple[str, ...] = ()
SCOPES: tuple[str, ...] = ()
OTHER_SCOPES = (
    "Codex needs no installation: `controlroom run -- codex` brings its gate along. One that is started in another way is not "
    "held: Codex skips a hook that its user has not trusted by hand"
)
ON_TOOLS = frozenset({"PreToolUse", "PostToolUse", "PermissionRequest"})  # events that take a matcher
GATE_SECONDS = 900  # longer than the hook's own deadline: the agent runs a call whose hook has not answered in time
OBSERVED_SECONDS = 30
END_SECONDS = 3  # of SessionEnd: it gives no more, and a hash of more is not the one it reckons
NAMES = {event: "".join(f"_{c.lower()}" if c.isupper() else c for c in event).strip("_") for event in EVENTS}
PLACE = "/<session-flags>/config.toml"  # of hooks that a command line brings
ON = "features.hooks=true"
OPTIONS = ("-c", "--config")
GATE_OFF = {
    "--remote": "has another process run the calls, which has no hook of ours",
    "--ephemeral": "keeps no log, so nothing shows what ran past the gate",
}


def hooks(gate_dir: Path, python: Path, hook: Path) -> dict[str, dict[str, object]]:
    """Our one group for each event, as an item of that event's array. Raises ValueError for a path that is not absolute."""
    groups: dict[str, dict[str, object]] = {}
    for event in EVENTS:
        seconds = GATE_SECONDS if gates(event) else END_SECONDS if event == "SessionEnd" else OBSERVED_SECONDS
        handler = {"type": "command", "command": command(gate_dir, python, hook, AGENT, event), "timeout": seconds}
        groups[event] = {**({"matcher": "*"} if event in ON_TOOLS else {}), "hooks": [handler]}
    return groups


def ours(event: str, group: object) -> bool:
    """Whether a group of an event's array is one that we made."""
    return hook_groups.ours(AGENT, event, group)


def line_of(group: Mapping[str, object]) -> str:
    """The command of a group of ours."""
    return hook_groups.line_of(group)


def file(scope: str, home: Path, project: Path, managed: Path | None = None) -> Path:
    """Where its user's hooks would stand; no scope of ours means it."""
    return Path(folder(AGENT, str(home), os.environ)) / "hooks.json"


def strength(layer: Mapping[str, object]) -> tuple[Strength, str]:
    """What becomes of a call whose hook fails."""
    return "open on failure", (
        "the agent runs a call whose hook is killed or takes too long; ours denies by itself before that, whatever it fails at"
    )


def launched(argv: Sequence[str], gate_dir: Path, python: Path, hook: Path, cwd: Path) -> list[str]:
    """The command line with the gate in it, our hooks trusted. Raises Ungated where something in it would leave them out."""
    if not argv:
        raise Ungated("no command is given")
    for word, value in _options(argv):
        if word in GATE_OFF:
            raise Ungated(f"{word} {GATE_OFF[word]}; start it without {word}")
        key = value.partition("=")[0].strip()
        if word == "--disable" and value == "hooks":
            raise Ungated("--disable hooks switches every hook off, so nothing would be held; start it without it")
        if word in OPTIONS and (key == "hooks" or key.startswith(("hooks.", "features.hooks")) or key == "features"):
            raise Ungated(f"{word} {key} would take the place of our hooks; put that into its config.toml")
    groups = hooks(gate_dir, python, hook)
    given = [f"hooks.{event}=[{_inline(group)}]" for event, group in groups.items()]
    trust = {f"{PLACE}:{NAMES[event]}:0:0": {"trusted_hash": _hash(event, groups[event])} for event in EVENTS}
    ours = [*given, f"hooks.state={_inline(trust)}", ON]
    return [argv[0], *(word for one in ours for word in ("-c", one)), *argv[1:]]


def inline_settings(argv: Sequence[str]) -> dict[str, object]:
    """The hooks that a command line holds, and that they are on; {} for none, or what cannot be read."""
    events: dict[str, object] = {}
    given = [value.partition("=") for word, value in _options(argv) if word in OPTIONS]
    for key, _, text in given:
        if key.startswith("hooks.") and key != "hooks.state":
            try:
                events[key.removeprefix("hooks.")] = tomllib.loads(f"it = {text}")["it"]
            except tomllib.TOMLDecodeError:
                continue
    on: dict[str, object] = {"features": {"hooks": True}} if ON.partition("=") in given else {}
    return {"hooks": events, **on} if events else {}


def layers(home: Path, project: Path, managed: Sequence[Path] = ()) -> tuple[dict[str, dict[str, object]], list[str]]:
    """Every settings file that exists, by path; and a line for each that cannot be read."""
    found: dict[str, dict[str, object]] = {}
    troubles: list[str] = []
    for place in places(AGENT, str(home), str(project), os.environ):
        for path in present(place) if place.layer.role == "settings" else ():
            try:
                found[path] = signs.settings(path, Path(path).read_bytes())
            except FileNotFoundError:
                continue
            except (BadJson, OSError) as e:
                troubles.append(f"{path}: cannot be read ({e}); the agent may not start, or ignore it: repair it")
    return found, troubles


def warnings(settings: Mapping[str, Mapping[str, object]], version: str = "") -> list[str]:
    """What in the settings layers (by path) weakens the gate; one line each."""
    found = []
    for name, layer in settings.items():
        features = layer.get("features")
        if isinstance(features, dict) and features.get("hooks") is False:
            found.append(f"{name}: features.hooks = false switches hooks off; only `controlroom run` overrides it")
        if layer.get("allow_managed_hooks_only") is True:
            found.append(
                f"{name}: allow_managed_hooks_only = true leaves an administrator's hooks only: its calls are not held"
            )
        events = layer.get("hooks")
        groups = events.get("PreToolUse") if isinstance(events, dict) else None
        if isinstance(groups, list) and any(not ours("PreToolUse", group) for group in groups):
            found.append(f"{name}: another PreToolUse hook is set; it can change a call after it was judged here")
    return found


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every option before `--` with what may be its value: what stands behind `=`, or the next word."""
    words = list(argv[1 : argv.index("--") if "--" in argv else len(argv)])
    for at, word in enumerate(words):
        if word.startswith("--"):
            name, equals, joined = word.partition("=")
            yield name, joined if equals else "".join(words[at + 1 : at + 2])
        elif word.startswith("-c"):
            yield "-c", word[2:].removeprefix("=") or "".join(words[at + 1 : at + 2])


def _hash(event: str, group: Mapping[str, object]) -> str:
    """What Codex knows a trusted hook by: SHA-256 of its event and group as JSON with sorted keys (measured on 0.169.0)."""
    handlers = group["hooks"]
    assert isinstance(handlers, list)
    told = {**group, "event_name": NAMES[event], "hooks": [{**handler, "async": False} for handler in handlers]}
    return "sha256:" + sha256(canonical(told).encode()).hexdigest()


def _inline(value: object) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}={_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
