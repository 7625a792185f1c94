"""How strong the gate of an agent is: what becomes of a call when its hook fails, and whether the hook is run at all."""

from collections.abc import Iterable, Mapping

from controlroom.agents.gated import Layers, Settings
from controlroom.agents.signs import COMMAND_LINE
from controlroom.model.permissions import Gate, GateState, Hook, Mode, Strength

DENIED = "denied by this gate"  # what a probe of a written hook comes to where all is well
OPEN = "it does NOT deny"
UNTRIED = "not tried: the written command is not the one that this installation writes"
MANAGED = "/etc/"
_BEST: tuple[Strength, ...] = ("closed", "closed except timeout", "open on failure")


def strength(settings: Settings | None, hooks: tuple[Hook, ...], given: Layers, modes: Iterable[Mode]) -> Gate:
    """Of the hook that gates, which is the first of `hooks`. `settings`: of the agent, None = it has no gate."""
    if not hooks or settings is None:
        return Gate("none", "", "there is no gate of ours for this kind of agent: its calls are not held")
    gate = hooks[0]
    state: GateState = "proved" if gate.calls else "written" if gate.where else ""
    if not gate.where and not gate.calls:
        return Gate("none", state, "it is written in none of its settings: its calls are not held")
    if off := _off(gate, given, modes):
        return Gate("none", state, f"{off.source} says {off.key} {off.value}".rstrip() + f": {off.says}")
    if not gate.where:
        return Gate("unknown", state, "calls reach it by a hook that stands in no settings which we can read")
    if gate.probe == OPEN:
        return Gate("none", state, "the written command was run with a probe, and it does not deny")
    if gate.probe == UNTRIED:
        return Gate("unknown", state, "the written command is not the one that this installation writes")
    how, why = min((settings.strength(given[source]) for source in gate.where), key=lambda told: _BEST.index(told[0]))
    return Gate(how, state, why)


def _off(gate: Hook, given: Layers, modes: Iterable[Mode]) -> Mode | None:
    """What keeps the agent from running the hook: an administrator's hook always runs, and what a launch's own settings say of
    that outweighs all others (measured).
    """
    if any(source.startswith(MANAGED) for source in gate.where):
        return None
    launched = given[COMMAND_LINE] if COMMAND_LINE in gate.where else {}
    off = (mode for mode in modes if mode.weight == "off")
    return next((mode for mode in off if mode.source == COMMAND_LINE or not _says(launched, mode.key)), None)


def _says(settings: Mapping[str, object], key: str) -> bool:
    """Whether there is a word on a key, its parts with dots between them."""
    first, _, rest = key.partition(".")
    found = settings.get(first)
    return _says(found, rest) if rest and isinstance(found, dict) else first in settings and not rest
