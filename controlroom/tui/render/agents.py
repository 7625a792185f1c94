"""The agents: one row each, in the order they came."""

from controlroom.model.agent import OVER, Label, SessionState
from controlroom.model.clock import Instant
from controlroom.model.view import AgentView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, clip, gap, marked, quote, say
from controlroom.tui.render import table, words

COLUMNS = (
    table.Column("name", "Agents", 14, 18, 100),
    table.Column("state", "State", 15, 15, 95),
    table.Column("label", "Label", 10, 10, 60),
    table.Column("now", "Now", 19, 200, 50),
    table.Column("rung", "Held by", 9, 9, 20),
    table.Column("gate", "Gate", 16, 16, 10),
    table.Column("cpu", "CPU", 5, 5, 40, right=True),
    table.Column("memory", "Mem", 5, 5, 35, right=True),
    table.Column("processes", "Procs", 5, 5, 30, right=True),
    table.Column("last", "Last", 4, 4, 80, right=True),
    table.Column("ask", "Asks", 4, 4, 90, right=True),
)
STATES: dict[SessionState, Style] = {
    SessionState.PAUSING: "label",
    SessionState.PAUSED: "label",
    SessionState.STOPPING: "label",
    SessionState.STOPPED: "label",
    SessionState.ENDED: "dim",
    SessionState.UNCONFIRMED: "alarm",
    SessionState.LOST: "warn",
}
_TOOL = 300  # characters


def render(view: RoomView, selected: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The head, and a row for every agent, so that row N of the agents is line N + 1."""
    plan = _plan(width)
    head = (gap(2), *table.head(plan, glyphs))
    if not view.agents:
        return [clip(line, width, glyphs.cut) for line in (head, *_nobody())]
    rows = (_row(agent, view.now, agent.id == selected, plan, glyphs) for agent in view.agents)
    return [clip(line, width, glyphs.cut) for line in (head, *rows)]


def _plan(width: int) -> list[tuple[table.Column, int]]:
    return table.layout(COLUMNS, max(1, width - 2))


def _nobody() -> list[Line]:
    return [
        (gap(2), say("No agents yet. Start one, or put the gate into one you use:", "dim")),
        (gap(2), say("controlroom run -- claude", "text")),
        (gap(2), say("controlroom install claude-code", "text")),
    ]


def _row(agent: AgentView, now: Instant, selected: bool, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    over = agent.state in OVER
    quiet: Style = "dim" if over else "text"
    values: dict[str, Line] = {
        "name": marked(quote(agent.name, "selected" if selected else quiet, 60)),
        "state": state(agent, glyphs),
        "label": (say(agent.label, "warn" if agent.label is Label.ADVISORY and not over else "dim"),),
        "now": _now(agent),
        "rung": (say(agent.rung, "dim"),),
        "last": (say(words.since(agent.last, now), "dim"),),
        "ask": (say(f"{glyphs.ask} {agent.pending}", "ask"),) if agent.pending else (),
    }
    if agent.gate is not None and not over:
        values["gate"] = (say(agent.gate.words, "dim" if agent.gate.strength == "closed" else "warn"),)
    if agent.load is not None and not over:
        values["cpu"] = (say(f"{agent.load.cpu:.0f}%", "dim"),)
        values["memory"] = (say(words.short_size(agent.load.memory), "dim"),)
        values["processes"] = (say(str(agent.load.processes), "dim"),)
    pointer = say(f"{glyphs.pointer} ", "selected") if selected else gap(2)
    return (pointer, *table.row(plan, values, glyphs))


def state(agent: AgentView, glyphs: Glyphs) -> Line:
    """The sign and the word. "stopped" stands only where the kernel proved it (S14); the daemon keeps to that, and so do we."""
    found = agent.state
    if found is SessionState.STOPPED and agent.stop is not None and not agent.stop.confirmed:
        found = SessionState.UNCONFIRMED
    return (say(f"{glyphs.states[found]} {found}", STATES.get(found, "text")),)


def _now(agent: AgentView) -> Line:
    if agent.doubts:
        return (quote(agent.doubts[-1], "alarm", _TOOL),)
    if agent.stop is not None and agent.state in (SessionState.UNCONFIRMED, SessionState.STOPPED, SessionState.PAUSED):
        proof = agent.stop.proof or agent.stop.why or "no proof"
        return (quote(proof, "dim" if agent.stop.confirmed else "alarm", _TOOL),)
    return marked(quote(agent.tool, "dim" if agent.state in OVER else "text", _TOOL))
