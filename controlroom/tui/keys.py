"""The one table of commands. Bindings, footer, help, palette, docs/keys.md and their tests are made from it. Pure.

Keys are named as textual names them; `shown` writes them as a person would.
"""

from typing import Literal, get_args

import msgspec

from controlroom.model.agent import OVER, SessionState
from controlroom.model.tier import Tier

Danger = Literal["read", "control", "decide", "stop"]
Scope = Literal["room", "full", "stop", "help", "grant", "text"]
Group = Literal["Emergency", "Deciding", "Inbox", "Agents", "Tabs", "Moving", "Room", "Granting"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
GROUPS: tuple[Group, ...] = get_args(Group)
SCOPE_NAMES: dict[Scope, str] = {
    "room": "in the room",
    "full": "in the full view",
    "stop": "on the stop screen",
    "help": "in the help",
    "grant": "in the grant dialog",
    "text": "in a text field",
}
_SHOWN = {
    "backslash": "\\",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "pageup": "page up",
    "pagedown": "page down",
    "escape": "esc",
}
_ANSWERING: tuple[Scope, ...] = ("room", "full")
_STEERING: tuple[Scope, ...] = ("room", "stop")
_MOVING: tuple[Scope, ...] = ("room", "full", "stop", "help")


class Command(msgspec.Struct, frozen=True):
    """One thing an operator can do. `footer`: its place in the footer, 0 = not there. No `keys`: only in the palette."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    danger: Danger
    scope: tuple[Scope, ...]
    footer: int = 0


class Context(msgspec.Struct, frozen=True):
    """What decides which commands are on.

    `unready`: `approval.unready` of this moment; `tier`: of the focused request; `agent`: state of the selected one, `doubts`:
    alarms stand against it; `tab`: 1 to 6; `latch`: the stop in force, "" = none.
    """

    scope: Scope = "room"
    read_only: bool = False
    online: bool = True
    latch: str = ""
    pending: int = 0
    tier: Tier | None = None
    unready: str = ""
    agent: SessionState | None = None
    tab: int = 1
    doubts: bool = False


COMMANDS: tuple[Command, ...] = (
    Command(
        "estop", ("ctrl+backslash", "f12"), "STOP ALL", "EMERGENCY STOP: freeze every agent, deny everything, until a reset",
        "Emergency", "stop", SCOPES, 1,
    ),
    Command(
        "reset", ("R",), "reset", "end the emergency stop, by typing its id; resumes nothing", "Emergency", "control",
        _STEERING, 2,
    ),
    Command(
        "kill-all", ("ctrl+k",), "kill all", "kill every agent that the emergency stop froze", "Emergency", "control",
        _STEERING, 3,
    ),
    Command("allow", ("a",), "allow", "allow the focused T2 request once", "Deciding", "decide", _ANSWERING, 4),
    Command("allow-t3", ("A",), "allow T3", "allow the focused T3 request once", "Deciding", "decide", _ANSWERING, 4),
    Command("deny", ("d",), "deny", "deny the focused request", "Deciding", "decide", (*_ANSWERING, "grant"), 5),
    Command(
        "deny-why", ("D",), "deny, say why", "deny the focused request and tell the agent why", "Deciding", "decide",
        (*_ANSWERING, "grant"), 9,
    ),
    Command(
        "grant", ("g",), "grant", "allow it and grant the same: 5 minutes, this session or n uses", "Deciding",
        "decide", _ANSWERING, 8,
    ),
    Command("undo", ("u",), "undo", "undo the selected receipt", "Deciding", "control", ("room",)),
    Command("view", ("v",), "full view", "show the whole request on the whole screen", "Inbox", "read", _ANSWERING, 6),
    Command("next", ("n",), "next", "go to the next pending request", "Inbox", "read", _ANSWERING, 7),
    Command("previous", ("N",), "previous", "go to the previous pending request", "Inbox", "read", _ANSWERING),
    Command("pause", ("p",), "pause", "freeze the selected agent", "Agents", "control", _STEERING, 10),
    Command("resume", ("r",), "resume", "let the selected agent go on", "Agents", "control", _STEERING, 10),
    Command("stop", ("x",), "stop", "stop the selected agent: TERM, then kill", "Agents", "control", _STEERING, 11),
    Command("kill", ("X",), "kill", "kill the selected agent now", "Agents", "control", _STEERING, 12),
    Command("clear", ("C",), "clear alarms", "you have looked at the alarms of this agent", "Agents", "control", ("room",)),
    Command("mark", ("space",), "mark", "mark the selected row; never decides anything", "Agents", "read", _STEERING),
    Command(
        "tab-log", ("1",), "Log", "what the selected agent did, and what its logs say; again: its next log by itself", "Tabs",
        "read", ("room",),
    ),
    Command("tab-receipts", ("2",), "Receipts", "its acts: asked, decided, started, how they ended", "Tabs", "read", ("room",)),
    Command("tab-processes", ("3",), "Processes", "its processes as a tree, and who has left it", "Tabs", "read", ("room",)),
    Command("tab-files", ("4",), "Files", "what it touched: by its calls, and as seen on disk", "Tabs", "read", ("room",)),
    Command("tab-permissions", ("5",), "Permissions", "what it may do, and its grants", "Tabs", "read", ("room",)),
    Command("tab-config", ("6",), "Config", "the files it reads, our gate in them, what changed", "Tabs", "read", ("room",)),
    Command(
        "take-change", ("t",), "take the change", "take the newest change of the selected file as it is; recorded", "Tabs",
        "control", ("room",),
    ),
    Command("filter", ("slash",), "filter", "show only the lines that hold a text", "Tabs", "read", _ANSWERING, 13),
    Command("follow", ("f",), "follow", "stay at the newest line of the Log tab, or stop doing so", "Tabs", "read", ("room",)),
    Command("detail", ("enter",), "detail", "show the selected line in full", "Tabs", "read", ("room",)),
    Command("up", ("up", "k"), "up", "one line up", "Moving", "read", _MOVING),
    Command("down", ("down", "j"), "down", "one line down", "Moving", "read", _MOVING),
    Command("page-up", ("pageup",), "page up", "one page up", "Moving", "read", _MOVING),
    Command("page-down", ("pagedown",), "page down", "one page down", "Moving", "read", _MOVING),
    Command("first", ("home",), "first", "to the first line", "Moving", "read", _MOVING),
    Command("last", ("end",), "last", "to the last line", "Moving", "read", _MOVING),
    Command("region", ("tab",), "next region", "go to the next region of the screen", "Moving", "read", ("room",)),
    Command("region-back", ("shift+tab",), "last region", "go to the region before", "Moving", "read", ("room",)),
    Command("help", ("question_mark",), "help", "every key, what it does, and why it is off", "Room", "read", _MOVING, 14),
    Command("palette", ("ctrl+p",), "commands", "find a command by its name", "Room", "read", _MOVING, 15),
    Command("theme", (), "next theme", "draw the room in the next theme, and remember it", "Room", "read", _MOVING),
    Command("back", ("escape",), "back", "leave this screen, dialog or filter; decides nothing", "Room", "read", SCOPES, 16),
    Command("submit", ("enter",), "done", "take the text of this field", "Room", "read", ("text",), 2),
    Command("leave", ("q",), "leave", "leave the room; agents and daemon go on", "Room", "read", _STEERING, 17),
    Command(
        "lease-minutes", ("5",), "5 minutes", "allow, and grant the same for 5 minutes", "Granting", "decide",
        ("grant",), 2,
    ),
    Command(
        "lease-session", ("s",), "this session", "allow, and grant the same until its session ends", "Granting", "decide",
        ("grant",), 3,
    ),
    Command(
        "lease-uses", ("u",), "n uses", "allow, and grant the same so many times", "Granting", "decide",
        ("grant",), 4,
    ),
    Command("uses-more", ("plus",), "more uses", "one use more", "Granting", "read", ("grant",), 6),
    Command("uses-fewer", ("minus",), "fewer uses", "one use fewer", "Granting", "read", ("grant",), 7),
)  # fmt: skip
BY_ID = {command.id: command for command in COMMANDS}
LOG, RECEIPTS, PROCESSES, FILES, PERMISSIONS, CONFIG = range(1, 7)  # the tabs, by their keys
TABS = tuple(command for command in COMMANDS if command.id.startswith("tab-"))


class Hint(msgspec.Struct, frozen=True):
    """A command as it is offered now. `off`: why it is not available, "" = it is."""

    id: str
    keys: str
    label: str
    help: str
    off: str


def shown(key: str) -> str:
    """The key as a person writes it: `ctrl+backslash` is `ctrl+\\`."""
    *held, last = key.split("+")
    return "+".join([*held, _SHOWN.get(last, last)])


def keys_of(command: Command) -> str:
    """Its keys as a person writes them, "" where it has none."""
    return ", ".join(shown(key) for key in command.keys)


def command_of(key: str, scope: Scope) -> Command | None:
    """What this key means here; where it means nothing, what it means elsewhere (`why_off` says so). None in a text field."""
    holders = [command for command in COMMANDS if key in command.keys]
    here = next((command for command in holders if scope in command.scope), None)
    if here or scope == "text":
        return here
    return next(iter(holders), None)


def why_off(command: Command, context: Context) -> str:
    """Why this command does nothing now, in words; "" = it is on. The emergency stop is never off."""
    if command.danger == "stop":
        return ""
    if context.scope not in command.scope:
        places = " and ".join(SCOPE_NAMES[scope] for scope in command.scope)
        return f"only {places}" + ("; esc leads back" if "room" in command.scope else "")
    if command.danger in ("control", "decide"):
        if context.read_only:
            return "this room is read-only: it only looks (and can stop everything)"
        if not context.online:
            return "no daemon answers; the emergency stop works without it"
    return _why_not_now(command, context)


def hints(context: Context) -> list[Hint]:
    """What the footer offers here, the most important first."""
    here = [c for c in COMMANDS if c.footer and context.scope in c.scope]
    return [_hint(c, context) for c in sorted(here, key=lambda c: c.footer)]


def sections(context: Context) -> list[tuple[Group, list[Hint]]]:
    """What help tells: every command with a key, by group, and why it is off in the place that help was called from."""
    if context.scope == "help":
        context = msgspec.structs.replace(context, scope="room")
    rows = {group: [_hint(c, context) for c in COMMANDS if c.group == group and c.keys] for group in GROUPS}
    return [(group, found) for group, found in rows.items() if found]


def palette(context: Context) -> list[Hint]:
    """What the palette offers: this screen's commands, the emergency stop last. It never allows anything (`approval`)."""
    here = [c for c in COMMANDS if context.scope in c.scope and c.id not in ("palette", "submit")]
    return [_hint(c, context) for c in sorted(here, key=lambda c: c.danger == "stop")]


def _hint(command: Command, context: Context) -> Hint:
    return Hint(command.id, keys_of(command), command.label, command.help, why_off(command, context))


def _why_not_now(command: Command, context: Context) -> str:
    match command.id:
        case "undo":
            return "" if context.tab == RECEIPTS else "only a receipt can be undone: 2 goes to them"
        case "reset" | "kill-all":
            return "" if context.latch else "no emergency stop is in force"
        case "clear":
            return "" if context.doubts else "no alarm stands against this agent"
        case "pause" | "resume" | "stop" | "kill":
            return _why_not_steered(command.id, context)
        case "next" | "previous":
            return "" if context.pending else "nothing is pending"
        case "view" | "deny" | "deny-why":
            return _why_not_focused(context)
        case "allow" | "allow-t3" | "grant" | "lease-minutes" | "lease-session" | "lease-uses":
            return _why_not_allowed(command.id, context)
        case "take-change":
            return "" if context.tab == CONFIG else "only a changed file can be taken as it is: 6 goes to them"
        case "follow":
            return "" if context.tab == LOG else "only the Log tab follows: 1 goes there"
    return ""


def _why_not_focused(context: Context) -> str:
    if context.tier is not None:
        return ""
    return "no request is focused" if context.pending else "nothing is pending"


def _why_not_allowed(command: str, context: Context) -> str:
    if context.tier is None:
        return _why_not_focused(context)
    if command == "allow" and context.tier is Tier.T3:
        return "this is T3: A allows it"
    if command == "allow-t3" and context.tier is Tier.T2:
        return "this is T2: a allows it"
    return context.unready


def _why_not_steered(command: str, context: Context) -> str:
    agent = context.agent
    if agent is None:
        return "no agent is selected"
    if agent in OVER:
        return f"this agent is {agent}: there is nothing to {command}"
    if command == "pause" and agent is not SessionState.RUNNING:
        return f"this agent is {agent}: only a running one can be paused"
    if command == "resume" and context.latch:
        return "an emergency stop is in force: reset it first (R)"
    if command == "resume" and agent is not SessionState.PAUSED:
        return f"this agent is {agent}: only a paused one can be resumed"
    return ""


def markdown() -> str:
    """docs/keys.md."""
    parts = [_HEAD]
    for group in GROUPS:
        rows = [c for c in COMMANDS if c.group == group]
        parts.append(f"## {group}\n\n| key | does | where |\n| --- | --- | --- |\n" + "".join(map(_row, rows)))
    return "\n".join(parts)


def _row(command: Command) -> str:
    keys = ", ".join(f"`{shown(key)}`" for key in command.keys) or "palette only"
    where = "everywhere" if command.scope == SCOPES else ", ".join(SCOPE_NAMES[s] for s in command.scope)
    return f"| {keys} | {command.help} | {where} |\n"


_HEAD = """\
# Keys

Made from `controlroom/tui/keys.py`; a test compares. A key that is off says why when it is pressed.

An answer is one key press, and cannot be a slip. A key allows only the request that is focused, wholly on screen and armed:
0.5 s after it was first shown whole, 1.0 s for T3, and again after a resize, a new layout, a focus of the terminal or a
decision. What does not fit must have been scrolled to its end. Pasted text, keys typed ahead, keys held down, the mouse and the
palette never allow. An allow waits 20 ms to see that no paste follows it. Denying and stopping wait for nothing. `enter`,
`space`, `y` and `esc` never decide, and no key is a default.

The emergency stop works on every screen, in every dialog and text field, at any size, in a read-only room, without a daemon.
A read-only room (`controlroom --read-only`) controls and decides nothing else: stopping everything is always the safe side.
"""
