"""The Processes tab: what a session runs, as a tree; what has left its control group stands first, in alarm."""

from controlroom.model.view import ProcessesView, ProcessView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, quote, quote_tokens, say
from controlroom.tui.render import pane, rows, table, words

HEAD = 1  # lines before the first row
COLUMNS = (
    table.Column("pid", "PID", 7, 7, 95, right=True),
    table.Column("state", "State", 9, 9, 60),
    table.Column("command", "Command", 24, 200, 100),
    table.Column("net", "Net", 8, 8, 55),
    table.Column("cpu", "CPU", 5, 5, 80, right=True),
    table.Column("memory", "Mem", 5, 5, 70, right=True),
    table.Column("files", "Open", 4, 4, 45, right=True),
    table.Column("threads", "Threads", 7, 7, 40, right=True),
    table.Column("age", "Age", 4, 4, 50, right=True),
)
_DEEPEST = 8  # levels that are still set in
# proc(5), /proc/PID/stat field 3.
_STATES = {
    "R": "running", "S": "sleeping", "D": "waits I/O", "T": "stopped", "t": "traced", "Z": "zombie", "X": "dead", "I": "idle",
}  # fmt: skip
_STYLES: dict[str, Style] = {"D": "warn", "Z": "warn", "R": "text"}


def select(found: ProcessesView | None, find: str = "") -> tuple[ProcessView, ...]:
    """The processes that hold `find` in their command, or have it as their pid."""
    return tuple(p for p in (found.rows if found else ()) if rows.holds(find, " ".join(p.command), str(p.pid), p.name))


def render(told: ProcessesView | None, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1) -> list[Line]:
    """A head, a line for every process of `select`, and how many more there are. None: they have not been asked for yet."""
    if told is None:
        return rows.nothing("looking...", "", width, glyphs)
    found = select(told, find)
    if not found:
        return rows.nothing("no process of this session is known", find, width, glyphs)
    plan = table.layout(COLUMNS, max(1, width - rows.EDGE))
    lines = rows.listed((_row(p, plan, glyphs) for p in found), at, width, glyphs, table.head(plan, glyphs))
    more = told.total - len(told.rows)
    if more > 0 and not find:
        lines += pane.within([(gap(rows.POINTER), say(f"and {more} more: / finds them", "dim"))], width, glyphs)
    return lines


def _row(found: ProcessView, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    state = _STATES.get(found.state)
    styled = (say(state, _STYLES.get(found.state, "dim")) if state else quote(found.state, "warn", 9),)
    values: dict[str, Line] = {
        "pid": (say(str(found.pid), "alarm" if found.outside else "dim"),),
        "state": (say("OUTSIDE", "alarm"),) if found.outside else styled,
        "command": (gap(2 * min(max(found.depth, 0), _DEEPEST)), *_command(found)),
        "net": (say(_net(found), "text"),),
        "cpu": (say(f"{found.cpu:.0f}%", "dim" if found.cpu < 1 else "text"),),
        "memory": (say(words.short_size(found.memory), "dim"),),
        "files": (say(str(found.files) if found.files is not None else "", "dim"),),
        "threads": (say(str(found.threads), "dim"),),
        "age": (say(words.age(found.age), "dim"),),
    }
    return table.row(plan, values, glyphs)


def _command(found: ProcessView) -> Line:
    if found.command:
        return quote_tokens(found.command[:100])
    return (say("no command line", "dim"), *((gap(1), *marked(quote(found.name, "dim", 32))) if found.name else ()))


def _net(found: ProcessView) -> str:
    """How many it listens on and is connected to, "" = none."""
    told = ((len(found.listening), "in"), (len(found.connected), "out"))
    return " ".join(f"{count}{way}" for count, way in told if count)


def detail(found: ProcessView, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one process: its command token by token, and what is known of it where it was looked into."""
    uses = f"cpu {found.cpu:.0f}%   {words.size(found.memory)}   {words.some(found.threads, 'thread')}"
    fields: list[tuple[str, list[Line]]] = [
        ("pid", [(say(str(found.pid)),)]),
        ("command", [quote_tokens([token]) for token in found.command] or [_command(found)]),
        ("state", [_state(found)]),
        ("uses", [(say(uses),)]),
    ]
    if found.outside:
        fields.insert(0, ("OUTSIDE", [(say("it has left the session's control group: a stop may miss it", "alarm"),)]))
    if found.whole:
        unknown: list[Line] = [(say("may not be seen", "dim"),)]
        fields += [
            ("works in", rows.value(found.cwd) if found.cwd else unknown),
            ("open", [(say(words.some(found.files, "descriptor")),)] if found.files is not None else unknown),
            ("listens", _addresses(found.listening)),
            ("talks to", _addresses(found.connected)),
        ]
    return rows.page(fields, width, glyphs)


def _state(found: ProcessView) -> Line:
    state = _STATES.get(found.state)
    word = say(state) if state else quote(found.state, "warn", 9)
    return (word, *((say(" in ", "dim"), *marked(quote(found.waits))) if found.waits else ()))


def _addresses(found: tuple[str, ...]) -> list[Line]:
    return [line for address in found for line in rows.value(address)] or [(say("nobody", "dim"),)]
