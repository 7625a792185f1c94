"""How strong the gate of an agent is: what becomes of a call when its hook fails, and whether the hook is run at all."""

from collections.abc import Iterable, Mapping

from controlroom.agents import claude_settings
from controlroom.agents.signs import COMMAND_LINE
from controlroom.model.permissions import Gate, GateState, Hook, Mode

DENIED = "denied by this gate"  # what a probe of a written hook comes to where all is well
OPEN = "it does NOT deny"
UNTRIED = "not tried: the written command is not the one that this installation writes"
MANAGED = "/etc/claude-code/"
_CLOSED = "the agent denies a call whose hook fails, from Claude Code 2.1.295 on"
_OPEN = "the agent runs a call whose hook is killed or takes too long: its entry does not say onFailure block"

Layers = Mapping[str, Mapping[str, object]]  # settings by path, or `command line`


def strength(hooks: tuple[Hook, ...], given: Layers, modes: Iterable[Mode]) -> Gate:
    """Of the hook that gates, which is the first of `hooks`; () = there is none for this kind of agent."""
    if not hooks:
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
    if any(claude_settings.closed(given[source]) for source in gate.where):
        return Gate("closed", state, _CLOSED)
    return Gate("open on failure", state, _OPEN)


def _off(gate: Hook, given: Layers, modes: Iterable[Mode]) -> Mode | None:
    """What keeps the agent from running the hook: an administrator's hook always runs, and a launch's own settings outweigh
    disableAllHooks in all others (measured).
    """
    if any(source.startswith(MANAGED) for source in gate.where):
        return None
    launched = COMMAND_LINE in gate.where and given[COMMAND_LINE].get("disableAllHooks") is False
    off = (mode for mode in modes if mode.weight == "off")
    return next((mode for mode in off if not (launched and mode.key == "disableAllHooks")), None)
