"""How strong a gate is called: never stronger than what its settings, the command line and a probe have shown."""

import json
from pathlib import Path

from controlroom.agents import claude_settings, signs
from controlroom.agents.claude_settings import settings_json
from controlroom.agents.gate_strength import DENIED, OPEN, UNTRIED, strength
from controlroom.agents.strict import read_object
from controlroom.model.permissions import Hook

USER, MANAGED, LINE = "/h/.claude/settings.json", "/etc/claude-code/managed-settings.json", "command line"
LAUNCHED = read_object(settings_json(Path("/run/c"), Path("/usr/bin/python3"), Path("/lib/hook.py")).encode())
INSTALLED = {"hooks": LAUNCHED["hooks"]}
SOFT = read_object(json.dumps(INSTALLED).replace('"block"', '"continue"').encode())
OFF: dict[str, object] = {"disableAllHooks": True}


def told(
    given: dict[str, dict[str, object]], where: tuple[str, ...], calls: int = 0, probe: str = DENIED, argv: tuple[str, ...] = ()
) -> tuple[str, str]:
    modes = (*signs.modes("claude-code", given), *signs.flags("claude-code", ("claude", *argv)))
    gate = strength(claude_settings, (Hook("PreToolUse", where, calls, None, probe),), given, modes)
    return gate.strength, gate.state


def test_a_gate_is_closed_only_where_the_agent_denies_when_the_hook_fails() -> None:
    assert strength(claude_settings, (), {}, ()).strength == "none"
    assert told({}, ()) == ("none", "")
    assert told({USER: INSTALLED}, (USER,)) == ("closed", "written")
    assert told({USER: INSTALLED}, (USER,), calls=1) == ("closed", "proved")
    assert told({USER: SOFT}, (USER,), calls=1) == ("open on failure", "proved")
    assert told({USER: INSTALLED}, (USER,), probe=OPEN) == ("none", "written")
    assert told({USER: INSTALLED}, (USER,), probe=UNTRIED) == ("unknown", "written")
    assert told({}, (), calls=3) == ("unknown", "proved")


def test_a_hook_that_the_agent_does_not_run_is_no_gate() -> None:
    project = "/w/.claude/settings.json"
    assert told({USER: INSTALLED, project: OFF}, (USER,), calls=5) == ("none", "proved")
    assert told({project: OFF, LINE: LAUNCHED}, (LINE,)) == ("closed", "written"), "a launch's own settings outweigh it"
    assert told({project: OFF, LINE: INSTALLED}, (LINE,)) == ("none", "written")
    assert told({project: OFF, MANAGED: INSTALLED}, (MANAGED,)) == ("closed", "written"), "an administrator's hook is run"
    assert told({LINE: LAUNCHED}, (LINE,), argv=("--bare",)) == ("none", "written")
    assert told({USER: {**INSTALLED, "allowManagedHooksOnly": True}}, (USER,)) == ("none", "written")
