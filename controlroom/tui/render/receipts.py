"""The Receipts tab: the record of every act, newest first. How an act ended is what the agent says of it, and drawn as that."""

from controlroom.model.record import Stage
from controlroom.model.tier import Tier
from controlroom.model.view import ReceiptView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, marked, quote, say
from controlroom.tui.render import rows, table, words

HEAD = 1  # lines before the first row
COLUMNS = (
    table.Column("time", "Time", 8, 8, 70),
    table.Column("stage", "Stage", 13, 13, 95),
    table.Column("tier", "Tier", 4, 4, 60),
    table.Column("what", "Act", 20, 200, 100),
    table.Column("by", "Decided by", 12, 20, 50),
    table.Column("agent", "Agent", 12, 18, 40),
)
# The agent's own claims (S20): "says done", never "done".
STAGES: dict[Stage, str] = {Stage.DONE: "says done", Stage.FAILED: "says failed", Stage.INTENT: "asked"}
_STYLES: dict[Stage, Style] = {
    Stage.DONE: "unverified",
    Stage.FAILED: "warn",
    Stage.INTERRUPTED: "alarm",
    Stage.UNDELIVERED: "warn",
    Stage.DENIED: "label",
}


def select(view: RoomView, session: str, find: str = "") -> tuple[ReceiptView, ...]:
    """The receipts of a session ("" = of all) that hold `find`, newest first."""
    mine = (r for r in reversed(view.receipts) if not session or r.session == session)
    return tuple(r for r in mine if rows.holds(find, r.text, r.tool, r.by, r.note, r.stage, r.reason, *r.targets))


def render(view: RoomView, session: str, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1) -> list[Line]:
    """A head, and a line for every receipt of `select`."""
    found = select(view, session, find)
    if not found:
        return rows.nothing("no act has been recorded yet", find, width, glyphs)
    columns = COLUMNS[:-1] if session else COLUMNS
    plan = table.layout(columns, max(1, width - rows.EDGE))
    return rows.listed((_row(r, plan, glyphs) for r in found), at, width, glyphs, table.head(plan, glyphs))


def stage(found: ReceiptView, glyphs: Glyphs) -> Line:
    """The sign and the word of how far an act came."""
    word = STAGES.get(found.stage, str(found.stage))
    return (say(f"{glyphs.stages[found.stage]} {word}", _STYLES.get(found.stage, "text")),)


def detail(found: ReceiptView, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one receipt."""
    ended = f", over at {words.clock(found.ended)}" if found.ended else ""
    effects = ", ".join(found.effects) or "no known effect"
    fields: list[tuple[str, list[Line]]] = [
        ("stage", [stage(found, glyphs)]),
        ("tier", [(say(f"{found.tier} {words.TIERS[found.tier]}"), say(f"   {effects}", "dim"))]),
        ("tool", rows.value(found.tool)),
        ("act", rows.source(found.text)),
        ("targets", [line for path in found.targets for line in rows.value(path)] or [(say("none known", "dim"),)]),
        ("by", [(*marked(quote(found.by or "nobody yet")),)]),
    ]
    if found.reason:
        fields.append(("reason", rows.value(found.reason)))
    fields += [
        ("when", [(say(words.clock(found.at)), say(ended, "dim"))]),
        ("agent", rows.value(found.agent)),
        ("receipt", rows.value(found.id, "dim")),
        ("digest", rows.value(found.digest, "dim")),
    ]
    if found.note:
        fields.append(("it says", [(say("unverified: ", "label"),), *rows.value(found.note, "unverified")]))
    return rows.page(fields, width, glyphs)


def _row(found: ReceiptView, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    values: dict[str, Line] = {
        "time": (say(words.clock(found.at), "dim"),),
        "stage": stage(found, glyphs),
        "tier": (say(found.tier, "dim" if found.tier < Tier.T2 else "text"),),
        "what": (*marked(quote(found.tool, "dim", 40)), say(" "), *marked(quote(found.text, "text", 500))),
        "by": marked(quote(found.by, "dim", 60)),
        "agent": marked(quote(found.agent, "dim", 60)),
    }
    return table.row(plan, values, glyphs)
