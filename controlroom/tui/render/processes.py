"""The Processes tab: what a session runs, as a tree."""

from collections.abc import Sequence

from controlroom.model.view import ProcessView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, quote, quote_tokens, say
from controlroom.tui.render import rows, table, words

HEAD = 1  # lines before the first row
COLUMNS = (
    table.Column("pid", "PID", 7, 7, 95, right=True),
    table.Column("state", "State", 9, 9, 60),
    table.Column("command", "Command", 24, 200, 100),
    table.Column("cpu", "CPU", 5, 5, 80, right=True),
    table.Column("memory", "Mem", 5, 5, 70, right=True),
    table.Column("threads", "Threads", 7, 7, 40, right=True),
    table.Column("age", "Age", 4, 4, 50, right=True),
)
_DEEPEST = 8  # levels that are still set in
# proc(5), /proc/PID/stat field 3.
_STATES = {
    "R": "running", "S": "sleeping", "D": "waits I/O", "T": "stopped", "t": "traced", "Z": "zombie", "X": "dead", "I": "idle",
}  # fmt: skip
_STYLES: dict[str, Style] = {"D": "warn", "Z": "warn", "R": "text"}


def select(processes: Sequence[ProcessView], find: str = "") -> tuple[ProcessView, ...]:
    """The processes that hold `find` in their command, or have it as their pid."""
    return tuple(p for p in processes if rows.holds(find, " ".join(p.command), str(p.pid)))


def render(processes: Sequence[ProcessView] | None, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1) -> list[Line]:
    """A head, and a line for every process of `select`. None: they have not been asked for yet."""
    if processes is None:
        return rows.nothing("looking...", "", width, glyphs)
    found = select(processes, find)
    if not found:
        return rows.nothing("no process of this session is known", find, width, glyphs)
    plan = table.layout(COLUMNS, max(1, width - rows.EDGE))
    return rows.listed((_row(p, plan, glyphs) for p in found), at, width, glyphs, table.head(plan, glyphs))


def _row(found: ProcessView, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    command = quote_tokens(found.command[:100]) or (say("no command line", "dim"),)
    state = _STATES.get(found.state)
    values: dict[str, Line] = {
        "pid": (say(str(found.pid), "dim"),),
        "state": (say(state, _STYLES.get(found.state, "dim")) if state else quote(found.state, "warn", 9),),
        "command": (gap(2 * min(max(found.depth, 0), _DEEPEST)), *command),
        "cpu": (say(f"{found.cpu:.0f}%", "dim" if found.cpu < 1 else "text"),),
        "memory": (say(words.short_size(found.memory), "dim"),),
        "threads": (say(str(found.threads), "dim"),),
        "age": (say(words.age(found.age), "dim"),),
    }
    return table.row(plan, values, glyphs)


def detail(found: ProcessView, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one process: its command token by token."""
    tokens = [quote_tokens([token]) for token in found.command]
    fields: list[tuple[str, list[Line]]] = [
        ("pid", [(say(str(found.pid)),)]),
        ("command", tokens or [(say("no command line", "dim"),)]),
        ("uses", [(say(f"cpu {found.cpu:.0f}%   {words.size(found.memory)}   {words.some(found.threads, 'thread')}"),)]),
    ]
    return rows.page(fields, width, glyphs)
