"""The Config tab: the files that an agent reads beside its task, our gate in them, and what changed in them."""

import re
from collections.abc import Sequence

from controlroom.model.clock import Instant
from controlroom.model.permissions import SeenChange
from controlroom.model.view import AgentView, LayerView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, quote, say
from controlroom.tui.render import pane, rows, source, table, words

HEAD = 2  # lines before the first row
COLUMNS = (
    table.Column("path", "File", 26, 200, 100),
    table.Column("state", "State", 9, 9, 95),
    table.Column("role", "What it is", 18, 21, 60),
    table.Column("changed", "Changed", 8, 8, 80, right=True),
)
_HOME = re.compile(r"^/(?:home/[^/]+|root)/")
ALWAYS = ("settings", "servers")  # named also where they are not there: one of them may come any moment


def waits(layer: LayerView) -> tuple[SeenChange, ...]:
    """Its changes that no operator allowed beforehand or has taken since."""
    return tuple(seen for seen in layer.changes if not seen.taken and not seen.change.confirmed)


def select(layers: Sequence[LayerView], find: str = "") -> tuple[LayerView, ...]:
    """The files that hold `find`: what weakens the gate first, then what changed, then what is there."""
    shown = (layer for layer in layers if layer.exists or layer.role in (*ALWAYS, "") or layer.changes)
    found = [layer for layer in shown if rows.holds(find, layer.path, layer.gate, layer.warning, layer.role, layer.scope)]
    return tuple(sorted(found, key=lambda layer: (not layer.warning, not waits(layer), not layer.exists)))


def render(
    layers: Sequence[LayerView] | None,
    agent: AgentView | None,
    width: int,
    glyphs: Glyphs,
    *,
    now: Instant,
    find: str = "",
    at: int = -1,
) -> list[Line]:
    """The sum, a line for every file of `select`, and below what weakens the gate. None: they have not been asked for yet."""
    if agent is None:
        return rows.nothing("no agent is selected", find, width, glyphs)
    if layers is None:
        return rows.nothing("looking...", "", width, glyphs)
    found = select(layers, find)
    if not found:
        return rows.nothing("no file of this kind of agent is known", find, width, glyphs)
    plan = table.layout(COLUMNS, max(1, width - rows.EDGE))
    listed = rows.listed(
        (_row(layer, agent.workspace, plan, now, glyphs) for layer in found), at, width, glyphs, table.head(plan, glyphs)
    )
    below = [line for layer in found for line in _below(layer, width - rows.EDGE, glyphs)]
    absent = len(layers) - len(select(layers))
    if absent:
        below.append((say(f"{words.some(absent, 'other file')} would be read if there; watched as well", "dim"),))
    sum_ = pane.within([(gap(rows.POINTER), *_sum(layers, glyphs))], width, glyphs)
    return [*sum_, *listed, *pane.within([(gap(rows.POINTER), *line) for line in below], width, glyphs)]


def _sum(layers: Sequence[LayerView], glyphs: Glyphs) -> Line:
    """Whether calls of the agent come to us, and how much waits for a look."""
    weak, changed = sum(1 for layer in layers if layer.warning), sum(len(waits(layer)) for layer in layers)
    after: Line = (say(f"   {words.some(changed, 'change')} to look at: enter", "warn"),) if changed else ()
    if weak:
        return (say(f"{glyphs.alarm} {weak} of {len(layers)} settings files weaken the gate", "alarm"), *after)
    if any(layer.gate == "our gate" for layer in layers):
        return (say(f"{glyphs.ok} the gate is in its settings, and nothing weakens it", "text"), *after)
    return (say(f"{glyphs.warn} no settings file has our gate: tab 5 tells whether its calls are held", "warn"), *after)


def _row(layer: LayerView, workspace: str, plan: list[tuple[table.Column, int]], now: Instant, glyphs: Glyphs) -> Line:
    sign, style = _sign(layer, glyphs)
    last = layer.changes[-1] if layer.changes else None
    values: dict[str, Line] = {
        "path": (say(f"{sign} ", style), *marked(quote(_short(layer, workspace), "text" if layer.exists else "dim"))),
        "state": (quote(_state(layer), style if layer.warning else "dim"),),
        "role": (quote(f"{layer.scope} {layer.role}".strip(), "dim"),),
        "changed": (say(words.since(last.at, now), "warn" if waits(layer) else "dim"),) if last else (),
    }
    return table.row(plan, values, glyphs)


def _short(layer: LayerView, workspace: str) -> str:
    """Its path in fewer cells: from the workspace, or from the user's home; the whole stands below and on its page."""
    if layer.path.startswith(workspace.rstrip("/") + "/"):
        return "./" + layer.path[len(workspace.rstrip("/")) + 1 :]
    return _HOME.sub("~/", layer.path) if layer.scope == "user" else layer.path


def _sign(layer: LayerView, glyphs: Glyphs) -> tuple[str, Style]:
    if layer.warning:
        return glyphs.alarm, "alarm"
    if waits(layer):
        return glyphs.warn, "warn"
    return (glyphs.ok if layer.gate == "our gate" else glyphs.bullet), "dim"


def _state(layer: LayerView) -> str:
    return (layer.gate or "there") if layer.exists else "not there"


def _below(layer: LayerView, width: int, glyphs: Glyphs) -> list[Line]:
    """What weakens the gate in a file, and its newest change that waits, in full."""
    said: list[tuple[str, Style]] = [(layer.warning, "alarm")] if layer.warning else []
    if found := waits(layer):
        change = found[-1].change
        said.append((f"{change.what} {change.who}", "warn"))
    lines = [line for text, style in said for line in pane.field("", [marked(quote(text, style))], width)]
    return (
        [(), (say(f"{glyphs.alarm if layer.warning else glyphs.warn} ", "dim"), *marked(quote(layer.path))), *lines]
        if said
        else []
    )


def detail(layer: LayerView, now: Instant, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one file: who may change it, and every change that was seen of it, the newest first."""
    owner = layer.writers
    fields: list[tuple[str, list[Line]]] = [
        ("file", rows.value(layer.path, "title")),
        ("is", [(quote(f"{layer.scope} {layer.role}".strip() or "settings"), say(f", {_state(layer)}", "dim"))]),
    ]
    if owner is not None:
        by = f"{owner.owner} {owner.mode}{' with an access list' if owner.acl else ''}"
        fields.append(("writable", [(quote(owner.why, "warn" if owner.agent else "text"), say("   "), quote(by, "dim"))]))
    if layer.warning:
        fields.append(("weakens", rows.value(layer.warning, "alarm")))
    for seen in reversed(layer.changes):
        fields += _change(seen, now)
    return rows.page(fields, width, glyphs)


def _change(seen: SeenChange, now: Instant) -> list[tuple[str, list[Line]]]:
    change = seen.change
    who: Style = "text" if change.confirmed else "warn"
    said: list[Line] = [(quote(change.what), say(f" {words.since(seen.at, now)}", "dim")), *rows.value(change.who, who)]
    said += [line for text in change.weakens for line in rows.value(text, "alarm")]
    said += [line for text in change.declares for line in rows.value(text)]
    if seen.taken:
        said.append((say("taken as it is by ", "dim"), *marked(quote(seen.taken, "dim"))))
    elif not change.confirmed:
        said.append((say("take it as it is: t on its row, or controlroom config accept FILE", "dim"),))
        said.append((say("put the earlier one back: controlroom config rollback FILE", "dim"),))
    return [("", [()]), ("change", said), *([("diff", source.diff_rows(change.diff))] if change.diff else [])]
