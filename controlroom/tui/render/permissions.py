"""The Permissions tab: what is promised for a session, what its agent asks by itself, its hooks, secrets, uses and grants."""

from controlroom.model.agent import Label, Rung
from controlroom.model.clock import Instant
from controlroom.model.permissions import Environment, Gate, Hook, Mode, Permissions, Secret, Weight
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
MOST_SECRETS = 6  # rows
FIRST = 2  # how it asks and how strong its gate is stand on top, also on a small screen
_WEIGHTS: dict[Weight, Style] = {"red": "alarm", "off": "alarm", "warn": "warn", "plain": "text"}
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


def render(
    view: RoomView,
    agent: AgentView | None,
    known: Permissions | None,
    width: int,
    glyphs: Glyphs,
    *,
    find: str = "",
) -> list[Line]:
    """What the selected agent may do. `known` None: the rest has not been asked for yet."""
    if agent is None:
        return rows.nothing("no agent is selected", find, width, glyphs)
    inner = width - rows.EDGE
    told = _known(known, view.now, glyphs) if known else [("asks", [(say("looking...", "dim"),)])]
    label, *promised = _fields(agent)
    fields = (label, *told[:FIRST], *promised, *told[FIRST:])
    lines = [line for name, said in fields for line in pane.field(name, said, inner)]
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


def _known(known: Permissions, now: Instant, glyphs: Glyphs) -> list[tuple[str, list[Line]]]:
    """What its files, its processes and its messages tell."""
    fields: list[tuple[str, list[Line]]] = [
        ("asks", _modes(known.modes, glyphs)),
        ("gate", [*_strength(known.gate, known.hooks, glyphs), *_hooks(known.hooks, now, glyphs)]),
        ("walls", [(say(text),) for text in known.walls]),
        ("env", _environment(known.environment)),
        ("in logs", _secrets(known.secrets, known.unscanned, glyphs)),
    ]
    return [(label, said) for label, said in fields if said]


def _modes(modes: tuple[Mode, ...], glyphs: Glyphs) -> list[Line]:
    """What makes it ask less on top; each with the place that says it."""
    found = []
    for mode in sorted(modes, key=lambda mode: list(_WEIGHTS).index(mode.weight)):
        style = _WEIGHTS[mode.weight]
        sign = f"{glyphs.alarm} " if style == "alarm" else ""
        value = f" {mode.value}" if mode.value else ""
        said = f": {mode.says}" if mode.says else ""
        found.append(
            (say(sign, style), *marked(quote(f"{mode.key}{value}{said}", style)), gap(2), *marked(quote(mode.source, "dim")))
        )
    return found or [(say("nothing in its settings or command line changes what it asks by itself", "dim"),)]


def _hooks(hooks: tuple[Hook, ...], now: Instant, glyphs: Glyphs) -> list[Line]:
    """The gate first; then what else came, and what is written down and was never heard of."""
    if not hooks:
        return []
    gate = hooks[0]
    lines = _proof(gate, now, glyphs)
    if gate.where:
        lines.append((say("written in ", "dim"), *marked(quote(", ".join(gate.where)))))
    if gate.probe:
        style: Style = "text" if gate.probe == "denied by this gate" else "warn"
        lines.append((say("a probe of the written command: ", "dim"), quote(gate.probe, style)))
    others = ", ".join(f"{hook.event} {hook.calls}" for hook in hooks[1:] if hook.calls)
    if others:
        lines.append((say(f"also heard: {others}", "dim"),))
    silent = ", ".join(hook.event for hook in hooks[1:] if hook.where and not hook.calls)
    if silent:
        lines.append((say(f"written and not heard of yet: {silent}", "dim"),))
    return lines


def _strength(gate: Gate | None, hooks: tuple[Hook, ...], glyphs: Glyphs) -> list[Line]:
    """What becomes of a call when the hook fails; that there is none is alarming where there could be one."""
    if gate is None:
        return []
    style: Style = "text" if gate.strength == "closed" else "alarm" if gate.strength == "none" and hooks else "warn"
    sign = {"text": glyphs.ok, "warn": glyphs.warn}.get(style, glyphs.alarm)
    return [(say(f"{sign} {gate.strength}", style), say(": "), *marked(quote(gate.why, "dim" if style == "text" else style)))]


def _proof(gate: Hook, now: Instant, glyphs: Glyphs) -> list[Line]:
    if gate.calls:
        last = words.since(gate.last, now)
        return [(say(f"proved: {words.some(gate.calls, 'call')} of this session reached this gate, the last {last}"),)]
    if gate.where:
        return [(say(f"{glyphs.warn} written, not proved: no call of this session has reached this gate yet", "warn"),)]
    return []


def _environment(environment: Environment) -> list[Line]:
    lines: list[Line] = []
    if environment.names:
        lines.append((say("carries secrets: ", "warn"), *marked(quote(", ".join(environment.names)))))
    elif not environment.why:
        lines.append((say("no variable of its processes looks like a secret", "dim"),))
    if environment.why:
        lines.append((say("not known for all of it: ", "warn"), *marked(quote(environment.why, "dim"))))
    return lines


def _secrets(secrets: tuple[Secret, ...], unscanned: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    for found in secrets[:MOST_SECRETS]:
        times = f", in {found.times} lines" if found.times > 1 else ""
        said = f"{glyphs.alarm} {found.kind} in line {found.line}{times}"
        lines.append((say(said, "alarm"), gap(2), *marked(quote(found.path, "dim"))))
    if len(secrets) > MOST_SECRETS:
        lines.append((say(f"and {len(secrets) - MOST_SECRETS} more: controlroom show NAME", "warn"),))
    if unscanned:
        lines.append((say(f"{words.size(unscanned)} of its logs are still to be looked at for secrets", "dim"),))
    return lines


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
