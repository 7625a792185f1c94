"""The Permissions tab: what is promised for a session, and the grants it holds."""

from controlroom.model.agent import Label, Rung
from controlroom.model.clock import Instant
from controlroom.model.view import AgentView, GrantView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, pad, quote, quote_tokens, say
from controlroom.tui.render import pane, rows, words

_PROMISES = {
    Label.ADVISORY: (
        "it is seen; calls that come to the gate are held; a stop is tried",
        "a stop is not confirmed, and never-touch is not prevented",
    ),
    Label.SUPERVISED: (
        "started by us: a stop is confirmed by the kernel, calls are held at the gate",
        "nothing is prevented against a hostile program of the same user",
    ),
    Label.ENFORCED: (
        "never-touch holds for every program it runs; a stop is confirmed by the kernel",
        "bugs of the kernel and remote effects are not covered",
    ),
}
_RUNGS = {
    Rung.CGROUP: "a control group: frozen and killed as a whole, proved by the kernel",
    Rung.PIDNS: "a PID namespace: killed as a whole, proved by the kernel; a pause is not",
    Rung.SUBREAPER: "a process of ours above it, which reaps until nothing is left",
    Rung.OBSERVED: "nothing: its processes are only looked at",
}
MOST_BEYOND = 3  # scopes named on one line
_TIERS = (
    ("T0 T1", "passes, recorded", "harmless or reversible"),
    ("T2", "asks: a allows", "destructive"),
    ("T3", "asks: A allows", "irreversible, outside the workspace, guarded or unclear"),
    ("TX", "is denied", "never-touch: nobody can allow it"),
)


def select(view: RoomView, session: str, find: str = "") -> tuple[GrantView, ...]:
    """The grants of a session ("" = of all) that hold `find`, the one that ends first on top."""
    mine = (g for g in view.grants if not session or g.session == session)
    found = (g for g in mine if rows.holds(find, g.path, " ".join(g.argv), " ".join(g.effects), g.by, g.subagent))
    return tuple(sorted(found, key=lambda g: (g.deadline, g.id)))


def render(view: RoomView, agent: AgentView | None, width: int, glyphs: Glyphs, *, find: str = "") -> list[Line]:
    """What the selected agent may do."""
    if agent is None:
        return rows.nothing("no agent is selected", find, width, glyphs)
    inner = width - rows.EDGE
    lines = [line for label, said in _fields(agent) for line in pane.field(label, said, inner)]
    lines += [line for label, said in _uses(agent) for line in pane.field(label, said, inner)]
    grants = select(view, agent.id, find)
    lines += [(), (say("Grants", "title"), say(f"  {len(grants) or 'none in force'}", "dim"))]
    for grant in grants:
        lines += _grant(grant, view.now, inner, glyphs)
    lines += [(), (say("What is asked", "title"),)]
    for tiers, answer, meaning in _TIERS:
        lines += pane.field(tiers, [(*pad((say(answer),), 18), say(meaning, "dim"))], inner)
    return pane.within([(gap(rows.POINTER), *line) for line in lines], width, glyphs)


def _fields(agent: AgentView) -> list[tuple[str, list[Line]]]:
    yes, no = _PROMISES[agent.label]
    style: Style = "warn" if agent.label is Label.ADVISORY else "title"
    return [
        ("label", [(say(agent.label, style),)]),
        ("promise", [(say(yes),)]),
        ("but", [(say(no, "dim"),)]),
        ("held by", [(say(f"{agent.rung}: "), say(_RUNGS[agent.rung], "dim"))]),
        ("works in", rows.value(agent.workspace)),
    ]


def _uses(agent: AgentView) -> list[tuple[str, list[Line]]]:
    """What the profile declares beside what was used; what goes beyond it stands out."""
    if not agent.uses:
        return []
    found: list[tuple[str, list[Line]]] = [("", [()]), ("profile", [marked(quote(agent.profile, "title"))])]
    for row in agent.uses:
        declared = marked(quote(", ".join(row.scopes))) if row.scopes else (say("not declared", "dim"),)
        times = say(words.some(row.times, "use") if row.times else "never used", "dim")
        said: list[Line] = [(*declared, gap(2), times)]
        if row.beyond:
            more = f" and {len(row.beyond) - MOST_BEYOND} more" if len(row.beyond) > MOST_BEYOND else ""
            said.append((say("beyond it: ", "warn"), *marked(quote(", ".join(row.beyond[:MOST_BEYOND]))), say(more, "warn")))
        found.append((row.kind, said))
    return found


def _grant(grant: GrantView, now: Instant, width: int, glyphs: Glyphs) -> list[Line]:
    scope = quote_tokens(grant.argv) if grant.argv else marked(quote(grant.path))
    kinds = ", ".join(grant.effects)
    what = (*scope, *((gap(2), say(kinds, "dim")) if kinds else ()))
    left = words.left(grant.deadline, now)
    style: Style = "warn" if left in ("<1m", "over") else "dim"
    facts: Line = (
        say(f"{words.some(grant.uses, 'use')}, {left} left", style),
        say("  by ", "dim"),
        *marked(quote(grant.by, "dim")),
    )
    if grant.subagent:
        facts = (*facts, say("  only subagent ", "dim"), *marked(quote(grant.subagent, "unverified")))
    return pane.field(f"{glyphs.bullet} grant", [what, facts], width)
