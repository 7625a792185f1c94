"""The configuration layers of an agent as the room shows them, the strongest last, and what in them weakens the gate."""

from collections.abc import Iterable, Mapping

from controlroom.agents import signs
from controlroom.agents.gated import GATED
from controlroom.agents.layers import Place, present
from controlroom.agents.strict import BadJson
from controlroom.agents.weakening import gates, other_hooks
from controlroom.daemon.changes import Changes
from controlroom.model.permissions import Mode
from controlroom.model.view import LayerView
from controlroom.sensing.watched import read
from controlroom.sensing.writers import Credentials, writers

MOST_CHANGES = 5  # of one file
LOOSE = ("red", "off")


def views(
    kind: str, places: Iterable[Place], changes: Changes, agent: Credentials | None, warned: Mapping[str, tuple[str, ...]]
) -> list[LayerView]:
    """Every file that this agent reads, also those that do not exist (yet). `warned`: what weakens the gate, by path."""
    found = []
    for place in places:
        for path in present(place):
            exists, gate, warning = _look(kind, place, path)
            told = "; ".join(dict.fromkeys([*([warning] if warning else []), *warned.get(path, ())]))
            seen = changes.of([path])[-MOST_CHANGES:]
            layer = place.layer
            found.append(LayerView(path, exists, gate, told, layer.scope, layer.role, writers(path, agent), seen))
    return found


def _look(kind: str, place: Place, path: str) -> tuple[bool, str, str]:
    """Whether it is there, whether our gate is in it, and why it cannot be read."""
    content = read(path)
    if content is None or place.layer.role != "settings":
        return content is not None, "", ""
    if content.data is None:
        return True, "no gate", f"it {content.why}"
    try:
        given = signs.settings(path, content.data) if content.data.strip() else {}
    except BadJson as e:
        return True, "no gate", f"cannot be read ({e}); the agent may ignore the hooks of such a file: repair it"
    held = kind in GATED and GATED[kind].settings.EVENTS[0] in gates(kind, given)
    return True, "our gate" if held else "no gate", ""


def settings(places: Iterable[Place]) -> dict[str, dict[str, object]]:
    """What the settings files hold, by path, the weakest first; those that cannot be read are left out."""
    found = {}
    for place in places:
        for path in present(place) if place.layer.role == "settings" else ():
            content = read(path)
            if content is not None and content.data is not None:
                try:
                    found[path] = signs.settings(path, content.data) if content.data.strip() else {}
                except BadJson:
                    continue
    return found


def warnings(kind: str, given: Mapping[str, Mapping[str, object]], modes: Iterable[Mode]) -> dict[str, tuple[str, ...]]:
    """What in the settings weakens the gate or the agent's own asking, by path."""
    found: dict[str, list[str]] = {}
    for mode in modes:
        if mode.weight in LOOSE and mode.source in given:
            found.setdefault(mode.source, []).append(f"{mode.key} is {mode.value}: {mode.says}")
    for path, layer in given.items():
        for warning in other_hooks(kind, path, layer, {}):
            found.setdefault(path, []).append(warning)
    return {path: tuple(texts) for path, texts in found.items()}
