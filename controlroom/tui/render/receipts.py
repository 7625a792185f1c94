"""The Receipts tab: the record of every act, newest first. How an act ended is what the agent says of it, and drawn as that."""

from controlroom.model.record import UNRELEASED, Stage
from controlroom.model.tier import Tier
from controlroom.model.view import EffectView, ReceiptView, RoomView
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
    """The whole of one receipt, in the order in which an act goes."""
    fields: list[tuple[str, list[Line]]] = [
        ("stage", [stage(found, glyphs)]),
        ("act", rows.source(found.text)),
        ("intent", _intent(found)),
        ("assessed", _assessed(found)),
        ("declared", _effects(found.declared)),
        ("seen", _seen(found)),
        ("targets", [line for path in found.targets for line in rows.value(path)] or [_ours("none known", "dim")]),
        ("decision", _decision(found)),
        ("grant", rows.value(found.grant) if found.grant else [_ours("none was used", "dim")]),
        ("snapshot", _snapshot(found)),
        ("started", [_started(found)]),
        ("outcome", _outcome(found)),
        ("took", _took(found)),
        *([("log", _log(found))] if found.call else []),
        ("gaps", [_ours(gap) for gap in found.gaps] or [_ours("none", "dim")]),
        ("agent", rows.value(f"{found.agent}, session {found.session or 'none'}")),
        ("receipt", [(*marked(quote(found.id, "dim")), say(f"   record {found.seq}", "dim"))]),
    ]
    return rows.page(fields, width, glyphs)


def _ours(text: str, style: Style = "text") -> Line:
    return (say(text, style),)


def _claim(text: str) -> Line:
    """What only the agent says."""
    return (say("unverified: ", "label"), *marked(quote(text, "unverified")))


def _intent(found: ReceiptView) -> list[Line]:
    asked = (
        *marked(quote(found.tool)),
        say(f", asked at {words.clock(found.at)} in ", "dim"),
        *marked(quote(found.cwd or "?")),
    )
    return [asked, *([_claim(found.says)] if found.says else [])]


def _assessed(found: ReceiptView) -> list[Line]:
    lines = [_ours(f"{found.tier} {words.TIERS[found.tier]}")]
    for reason in found.reasons:
        lines.append((say(f"{reason.tier} ", "dim"), *marked(quote(f"{reason.rule}: {reason.text}"))))
        if reason.safer:
            lines.append((say("safer: ", "label"), *marked(quote(reason.safer))))
    return lines


def _effects(effects: tuple[EffectView, ...]) -> list[Line]:
    lines: list[Line] = []
    for effect in effects:
        more = f" and {effect.more} more" if effect.more else ""
        lines.append((say(effect.kind), say(": ", "dim"), *marked(quote(", ".join(effect.targets) or "-")), say(more, "dim")))
    return lines or [_ours("none known", "dim")]


def _seen(found: ReceiptView) -> list[Line]:
    """What sensors saw, what of it no declared target holds, and what they cannot tell."""
    if found.seen is None:
        return [_ours(f"not observed: {found.seen_note}" if found.seen_note else "not observed", "dim")]
    declared = {path for effect in found.declared for path in effect.targets}
    beyond = [path for effect in found.seen for path in effect.targets if not _holds(declared, path)]
    lines = _effects(found.seen) if found.seen else [_ours("nothing changed", "dim")]
    if beyond:
        lines.append((say("not declared: ", "warn"), *marked(quote(", ".join(dict.fromkeys(beyond))))))
    return [*lines, *([(quote(found.seen_note, "dim"),)] if found.seen_note else [])]


def _holds(declared: set[str], path: str) -> bool:
    """Whether a target is the path, or a folder that it is in."""
    return path in declared or any(path.startswith(f"{folder.rstrip('/')}/") for folder in declared)


def _decision(found: ReceiptView) -> list[Line]:
    if found.answered is None or found.verdict is None:
        return [_ours("none is recorded", "dim")]
    waited = found.answered.seconds_since(found.at)
    shown = "" if found.shown_ms is None else f", {found.shown_ms / 1000:.1f} s after all of it was on screen"
    when = f" at {words.clock(found.answered)}, {waited:.1f} s after it was asked{shown}"
    lines: list[Line] = [(say(f"{found.verdict} by "), *marked(quote(found.by)), say(when, "dim"))]
    if found.reason:
        lines += rows.value(found.reason)
    return [*lines, (say("for digest ", "dim"), *marked(quote(found.digest, "dim")))]


def _snapshot(found: ReceiptView) -> list[Line]:
    saved = found.saved
    if saved is None and found.stage in UNRELEASED:
        return [_ours("none: it was not released", "dim")]
    if saved is None or not saved.seal:
        why = (saved.why if saved else "") or found.undo_why or "it was not asked for"
        return [(say("no undo: "), *marked(quote(why)))]
    size = f"{words.some(saved.files, 'file')}, {words.size(saved.size)}, verified"
    lines: list[Line] = [(*marked(quote(found.id)), say(f": {size}", "dim"))]
    lines += [(say("not saved: ", "warn"), *marked(quote(text))) for text in saved.left_out]
    if found.undo_why:
        lines.append((say("no undo of: ", "warn"), *marked(quote(found.undo_why))))
    return [*lines, *([(say("undone by "), *marked(quote(found.undone)))] if found.undone else [])]


def _started(found: ReceiptView) -> Line:
    if found.started:
        return _ours(f"at {words.clock(found.started)}")
    return _ours("never: it was not released" if found.stage in UNRELEASED else "nobody told that it began", "dim")


def _outcome(found: ReceiptView) -> list[Line]:
    """How it ended: the agent's word where it gave one, else what we know ourselves."""
    when = f" at {words.clock(found.ended)}" if found.ended else ""
    if found.ok is None:
        told = (*marked(quote(found.note)),) if found.note else _ours("nobody has told", "dim")
        return [(*told, say(when, "dim"))]
    told = _claim("done" if found.ok else "failed")
    return [(*told, say(when, "dim")), *([_claim(found.note)] if found.note else [])]


def _took(found: ReceiptView) -> list[Line]:
    """From the start to the agent's word of the end; its own figure is a claim."""
    lines = [_claim(f"{found.took_ms} ms")] if found.took_ms is not None else []
    if found.ok is not None and found.started and found.ended:
        return [_ours(f"{found.ended.seconds_since(found.started):.1f} s from its start until the agent told its end"), *lines]
    return lines or [_ours("not known", "dim")]


def _log(found: ReceiptView) -> list[Line]:
    """What the agent's own log tells of the call, and what of it does not fit."""
    told = found.log
    if told is None:
        return [_ours(f"has not told of {found.call}", "dim")]
    lines = [_claim(f"{told.outcome or 'its end is not told'} ({found.call})")]
    return [*lines, *((quote(doubt, "alarm", 600),) for doubt in told.doubts)]


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
