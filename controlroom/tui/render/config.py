"""The Config tab: the settings files of an agent, the strongest last, and whether our gate is in them."""

from collections.abc import Sequence

from controlroom.model.view import AgentView, LayerView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, quote, say, wrap
from controlroom.tui.render import pane, rows

_INSET = 4  # cells before what belongs to a file


def select(layers: Sequence[LayerView], find: str = "") -> tuple[LayerView, ...]:
    """The files that hold `find` in their path, or in what is said of them."""
    return tuple(layer for layer in layers if rows.holds(find, layer.path, layer.gate, layer.warning))


def render(
    layers: Sequence[LayerView] | None, agent: AgentView | None, width: int, glyphs: Glyphs, *, find: str = ""
) -> list[Line]:
    """Every file with what it means for the gate. None: they have not been asked for yet."""
    if agent is None:
        return rows.nothing("no agent is selected", find, width, glyphs)
    if layers is None:
        return rows.nothing("looking...", "", width, glyphs)
    found = select(layers, find)
    if not found:
        return rows.nothing("no settings file of this kind of agent is known", find, width, glyphs)
    inner = width - rows.EDGE
    lines: list[Line] = [_gate(layers, glyphs), ()]
    for layer in found:
        lines += _layer(layer, inner, glyphs)
    return pane.within([(gap(rows.POINTER), *line) for line in lines], width, glyphs)


def _gate(layers: Sequence[LayerView], glyphs: Glyphs) -> Line:
    """The sum: whether calls of the agent come to us."""
    weak = sum(1 for layer in layers if layer.warning)
    if weak:
        return (say(f"{glyphs.alarm} {weak} of {len(layers)} settings files weaken the gate", "alarm"),)
    if any(layer.gate == "our gate" for layer in layers):
        return (say(f"{glyphs.ok} the gate is in its settings, and nothing weakens it", "text"),)
    return (say(f"{glyphs.warn} no settings file has our gate: its calls are not held", "warn"),)


def _layer(layer: LayerView, width: int, glyphs: Glyphs) -> list[Line]:
    style: Style = "text" if layer.exists else "dim"
    state = layer.gate if layer.exists else "not there"
    sign = glyphs.ok if layer.gate == "our gate" else glyphs.bullet
    lines: list[Line] = wrap(
        (say(f"{sign} ", "dim"), *marked(quote(layer.path, style)), gap(2), quote(state, "label")), max(1, width)
    )
    if layer.warning:
        warned = marked(quote(f"{layer.warning}", "alarm"))
        lines += [(gap(_INSET), *row) for row in wrap((say(f"{glyphs.alarm} ", "alarm"), *warned), max(1, width - _INSET))]
    return lines
