"""What a change of one of an agent's files takes away: our gate, the agent's own asking, or what can be told at all."""

from collections.abc import Iterator, Mapping

from controlroom.agents import signs
from controlroom.agents.command import is_ours
from controlroom.agents.gated import GATED
from controlroom.agents.layers import table
from controlroom.agents.strict import BadJson
from controlroom.model.permissions import Role, Weight

NEWEST = "9.9.9"  # what an old version does is told elsewhere
_LINES = ("command", "bash")  # the keys of a hook's command
# What asks less is told in the room and halts nobody: agents set it by themselves (measured on Claude Code's first start).
_WEAKER: tuple[Weight, ...] = ("red", "off")


def gates(kind: str, settings: Mapping[str, object]) -> dict[str, str]:
    """Our hooks in one settings file: event and command, in whatever shape (some agents put hooks into groups)."""
    events = settings.get("hooks")
    found = {}
    for event, items in events.items() if isinstance(events, dict) else ():
        for item in items if isinstance(items, list) else ():
            inner = item.get("hooks") if isinstance(item, dict) else None
            for hook in inner if isinstance(inner, list) else (item,):
                line = next((hook[key] for key in _LINES if key in hook), None) if isinstance(hook, dict) else None
                if isinstance(line, str) and is_ours(line, kind, event):
                    found[event] = line
    return found


def weakens(kind: str, path: str, role: Role, before: bytes | None, after: bytes | None) -> tuple[str, ...]:
    """What the new content weakens, in words; () = nothing. None = the file is not there."""
    if role == "code":
        return () if after is None else ("code that runs in the agent, or as its hook, is another one",)
    if role not in ("settings", "servers"):
        return ()
    old, new = _settings(path, before), _settings(path, after)
    had = gates(kind, old) if isinstance(old, dict) else {}
    if isinstance(new, str):
        return (f"it cannot be read any more ({new}): what the agent makes of it is not known",)
    return tuple(dict.fromkeys([*_lost(had, gates(kind, new)), *_looser(kind, path, old, new)]))


def only_gate(
    path: str, before: bytes | None, after: bytes | None, groups: Mapping[str, object], head: Mapping[str, object]
) -> bool:
    """Whether a change puts in our hooks, just as this installation writes them (`groups`, by event), and does nothing else.

    `head`: what else a file holds that we make.
    """
    old, new = _settings(path, before), _settings(path, after)
    if isinstance(old, str) or isinstance(new, str):
        return False
    base = _without(old if before else {**head}, groups)
    return _whole(new, groups) and not _whole(old, groups) and base == _without(new, groups)


def _whole(settings: dict[str, object], groups: Mapping[str, object]) -> bool:
    return all(group in _groups(settings, event) for event, group in groups.items())


def _without(settings: dict[str, object], groups: Mapping[str, object]) -> dict[str, object]:
    """The settings without our groups, and without what holds nothing then."""
    events = settings.get("hooks", {})
    if not isinstance(events, dict) or not all(isinstance(found, list) for found in events.values()):
        return settings
    left = {event: [one for one in found if one != groups.get(event)] for event, found in events.items()}
    others = {key: value for key, value in settings.items() if key != "hooks"}
    return {**others, "hooks": {event: found for event, found in left.items() if found}}


def _groups(settings: dict[str, object], event: str) -> list[object]:
    events = settings.get("hooks")
    found = events.get(event) if isinstance(events, dict) else None
    return found if isinstance(found, list) else []


def _settings(path: str, data: bytes | None) -> dict[str, object] | str:
    """What the file holds; a file that is not there holds nothing; why it cannot be read."""
    try:
        return signs.settings(path, data) if data and data.strip() else {}
    except BadJson as e:
        return str(e)


def _lost(had: dict[str, str], has: dict[str, str]) -> Iterator[str]:
    gone = sorted(event for event in had if event not in has)
    if gone:
        yield f"our hook is gone from it ({', '.join(gone)})"
    other = sorted(event for event in had if event in has and has[event] != had[event])
    if other:
        yield f"the command of our hook is another one ({', '.join(other)})"


def _looser(kind: str, path: str, old: dict[str, object] | str, new: dict[str, object]) -> Iterator[str]:
    """What it says now that makes the agent ask for nothing or run no hooks, and did not say before."""
    if kind not in table():
        return
    before = {} if isinstance(old, str) else {m.key: m for m in signs.of_settings(kind, path, old)}
    for mode in signs.of_settings(kind, path, new):
        was = before.get(mode.key)
        if mode.weight in _WEAKER and (was is None or was.weight != mode.weight):
            yield f"{mode.key} is {mode.value}: {mode.says}"
    yield from other_hooks(kind, path, new, {} if isinstance(old, str) else old)


def other_hooks(kind: str, path: str, new: Mapping[str, object], old: Mapping[str, object]) -> Iterator[str]:
    """What its own settings module says of hooks of others in one file, and did not say of it before."""
    row = GATED.get(kind)
    if row is None:
        return
    known = row.settings.warnings({path: old}, NEWEST)
    for warning in row.settings.warnings({path: new}, NEWEST):
        if warning not in known and row.settings.EVENTS[0] in warning:
            yield warning.removeprefix(f"{path}: ")
