"""The stop screen: who is held or dead, on what proof, who is not, and what no stop of ours can reach."""

from collections.abc import Sequence

from controlroom.model.agent import SessionState
from controlroom.model.view import AgentView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, cells, clip, flush, gap, marked, prose, quote, say, wrap
from controlroom.tui.render import agents, table, words

NOT_COVERED = "Not covered: work handed to tmux, containers, cron or remote hosts goes on. Look there yourself."
COLUMNS = (
    table.Column("name", "Agent", 14, 16, 100),
    table.Column("state", "State", 15, 15, 90),
    table.Column("proof", "Proof", 14, 200, 95),
    table.Column("killed", "Killed", 6, 6, 50, right=True),
    table.Column("ms", "After", 9, 9, 70, right=True),
)
_MARGIN = 2
_KEYS = 8  # cells before what a key does
_SURVIVORS = 100  # rows
_NAMES = 3  # of a sort for each agent


def render(view: RoomView | None, said: Sequence[str], width: int, glyphs: Glyphs) -> list[Line]:
    """All of it. `said`: what the stop that this room pulled came to, line by line; what stands where no daemon answers."""
    inner = max(1, width - 2 * _MARGIN)
    lines = [*_banner(view, inner), ()]
    if view is not None:
        lines += [*_sum(view, inner, glyphs), (), *_agents(view, inner, glyphs), *_survivors(view, inner, glyphs)]
        lines += _found(view, inner)
    if said:
        lines += [(), (say("What this room did", "title"),)]
        lines += [row for text in said for row in wrap(marked(quote(text)), inner)]
    lines += [(), *prose(NOT_COVERED, inner, "dim"), ()]
    lines += _ways_on(view, inner, glyphs)
    return [clip((gap(_MARGIN), *line), width, glyphs.cut) for line in lines]


def _banner(view: RoomView | None, width: int) -> list[Line]:
    if view is None:
        return wrap((say(" EMERGENCY STOP ", "stop"), say("  no daemon answers", "alarm")), width)
    status = view.status
    if not status.stop_id:
        return wrap(
            (say("No emergency stop is in force.", "text"), say("  ctrl+\\ stops everything, on every screen.", "dim")), width
        )
    chip: Line = (say(" EMERGENCY STOP in force ", "stop"),)
    right: Line = (say("stop id ", "dim"), quote(status.stop_id, "title", 40))
    pulled: Line = (say("pulled by ", "dim"), *marked(quote(status.stop_by or "nobody known", "text")))
    top = [flush(chip, right, width)] if cells(chip) + cells(right) < width else [chip, right]
    return [*top, *wrap(pulled, width)]


def _held(view: RoomView) -> list[AgentView]:
    """The agents that were there to be stopped; those without proof first."""
    there = [agent for agent in view.agents if agent.state not in (SessionState.ENDED, SessionState.LOST)]
    return sorted(there, key=_proved)


def _proved(agent: AgentView) -> bool:
    """A freeze or a death that the kernel proved (S14)."""
    still = agent.state in (SessionState.PAUSED, SessionState.STOPPED)
    return still and agent.stop is not None and agent.stop.confirmed


def _sum(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    held = _held(view)
    open_ones = sum(1 for agent in held if not _proved(agent))
    if not held:
        return wrap((say("No agent was running.", "text"),), width)
    if not view.status.stop_id:
        return wrap((say(f"{words.some(len(held), 'agent')} in the room.", "dim"),), width)
    if open_ones or view.survivors:
        count = (
            f"{open_ones} of {words.some(len(held), 'agent')}"
            if open_ones
            else words.some(len(view.survivors), "process", "processes")
        )
        return wrap((say(f"{glyphs.alarm} STOP NOT CONFIRMED for {count}", "alarm"),), width)
    who = "the agent is" if len(held) == 1 else f"all {len(held)} agents are"
    return wrap((say(f"{glyphs.ok} {who} held or dead, proved by the kernel", "ok"),), width)


def _agents(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    held = _held(view)
    if not held:
        return []
    plan = table.layout(COLUMNS, width)
    return [table.head(plan, glyphs), *(_row(agent, bool(view.status.stop_id), plan, glyphs) for agent in held)]


def _row(agent: AgentView, latched: bool, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    values: dict[str, Line] = {"name": marked(quote(agent.name, "text", 60)), "state": agents.state(agent, glyphs)}
    if agent.stop is not None:
        proof = agent.stop.proof
        values["proof"] = (
            (quote(proof, "ok"),) if _proved(agent) else marked(quote(agent.stop.why or proof or "no proof", "alarm"))
        )
        values["ms"] = (say(f"{agent.stop.ms} ms", "dim"),)
        values["killed"] = (say(str(agent.stop.killed), "dim"),) if agent.stop.killed else ()
    elif latched:
        values["proof"] = (say("no proof", "alarm"),)
    return table.row(plan, values, glyphs)


def _survivors(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    if not view.survivors:
        return []
    lines: list[Line] = [(), (say("Still there, or not known to be gone", "title"),)]
    for left in view.survivors[:_SURVIVORS]:
        lines += wrap(
            (
                say(f"{glyphs.alarm} pid {left.process.pid}  ", "alarm"),
                *marked(quote(left.name)),
                gap(2),
                *marked(quote(left.why, "dim")),
            ),
            width,
        )
    if len(view.survivors) > _SURVIVORS:
        lines.append((say(f"and {len(view.survivors) - _SURVIVORS} more", "warn"),))
    return lines


def _found(view: RoomView, width: int) -> list[Line]:
    """What may have been cut off in the middle: calls, files, connections of those that were stopped."""
    lines: list[Line] = []
    for agent in _held(view):
        found = agent.stop.found if agent.stop else None
        if found is None or not view.status.stop_id:
            continue
        counts = f"{words.some(found.processes, 'process', 'processes')}, {words.some(found.files, 'file')} open for write"
        lines += wrap((*marked(quote(agent.name, "text", 40)), gap(2), say(f"had {counts}", "dim")), width)
        for what, names in (
            ("call under way", found.calls),
            ("open for write", found.writing),
            ("listening", found.listening),
            ("connected to", found.connected),
        ):
            lines += [row for name in names[:_NAMES] for row in _name(what, name, width)]
            if len(names) > _NAMES:
                lines.append((gap(2), say(f"{what}: and {len(names) - _NAMES} more", "dim")))
    return [(), (say("What they were at", "title"),), *lines] if lines else []


def _name(what: str, name: str, width: int) -> list[Line]:
    return wrap((gap(2), say(f"{what}  ", "dim"), *marked(quote(name))), width)


def _ways_on(view: RoomView | None, width: int, glyphs: Glyphs) -> list[Line]:
    if view is None:
        return wrap(
            (say("controlroom reset", "key"), say("  ends the stop once a daemon runs; it resumes nothing", "dim")), width
        )
    if not view.status.stop_id:
        return wrap((say("esc", "key"), say("  back to the room", "dim")), width)
    ways = (
        ("R", "reset, by typing the stop id; resumes nothing"),
        ("ctrl+k", "kill everything that is frozen"),
        ("r", "after the reset: resume one agent at a time"),
        ("esc", "back to the room; the stop stays in force"),
    )
    return [row for key, does in ways for row in _way(key, does, width)]


def _way(key: str, does: str, width: int) -> list[Line]:
    first, *rest = prose(does, max(1, width - _KEYS))
    return [(say(key, "key"), gap(_KEYS - len(key)), *first), *((gap(_KEYS), *row) for row in rest)]
