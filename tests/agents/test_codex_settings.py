"""Codex's gate on its command line: what is put there, what would leave it out, and how strong it is called."""

import json
import tomllib
from pathlib import Path

import pytest

from controlroom.agents import codex_settings, signs
from controlroom.agents.codex_settings import EVENTS, hooks, inline_settings, launched, layers, ours, warnings
from controlroom.agents.command import Ungated
from controlroom.agents.gate_strength import DENIED, strength
from controlroom.hook import GATE_SECONDS, OBSERVED_SECONDS
from controlroom.model.permissions import Hook

OURS = (Path("/run/controlroom"), Path("/usr/bin/python3"), Path("/lib/hook.py"))
CWD = Path("/w")
# As `hooks/list` of 0.169.0 tells the hash of this very hook.
MEASURED = {"matcher": "*", "hooks": [{"type": "command", "command": "/bin/echo hi", "timeout": 900}]}
HASH = "sha256:41f5195e4583b92efbdd6a1d1b563380d396a3130fb9aacad2fe01e1323d6540"


def put(*words: str) -> list[str]:
    return launched(["codex", *words], *OURS, CWD)


def given(*words: str) -> dict[str, object]:
    """What the launch says, as Codex reads it."""
    values = [word for at, word in enumerate(put(*words)) if at and put(*words)[at - 1] == "-c"]
    found: dict[str, object] = {}
    for value in values:
        key, _, text = value.partition("=")
        found[key] = tomllib.loads(f"it = {text}")["it"]
    return found


def test_each_event_has_our_hook_and_it_is_trusted_by_its_place_and_hash() -> None:
    told = given("exec", "go")
    state = told["hooks.state"]
    assert isinstance(state, dict)
    for event, group in hooks(*OURS).items():
        assert told[f"hooks.{event}"] == [group]
    assert sorted(state) == sorted(f"/<session-flags>/config.toml:{name}:0:0" for name in codex_settings.NAMES.values())
    assert all(one["trusted_hash"].startswith("sha256:") for one in state.values())
    assert told["features.hooks"] is True
    assert put("exec", "go")[-2:] == ["exec", "go"]


def test_the_hash_is_the_one_that_codex_reckons() -> None:
    assert codex_settings._hash("PreToolUse", MEASURED) == HASH


def test_the_agent_waits_longer_than_our_hook() -> None:
    """But for the end of a session, to which it gives three seconds whatever is written."""
    for event, group in hooks(*OURS).items():
        handlers = group["hooks"]
        assert isinstance(handlers, list)
        least = GATE_SECONDS if event == "PreToolUse" else 2 if event == "SessionEnd" else OBSERVED_SECONDS
        assert handlers[0]["timeout"] > least
        assert ours(event, group)
        assert not ours(event, {**group, "hooks": [{**handlers[0], "command": f"{handlers[0]['command']}; true"}]})


@pytest.mark.parametrize(
    "words",
    [
        ("--remote", "unix:///x"),
        ("--remote=unix:///x",),
        ("exec", "--ephemeral", "go"),
        ("--disable", "hooks"),
        ("exec", "--disable=hooks"),
        ("-c", "features.hooks=false"),
        ("exec", "-cfeatures.hooks=false"),
        ("--config", "hooks.PreToolUse=[]"),
        ("--config=hooks={}",),
        ("-c", "features={hooks=false}"),
        ("-c", "hooks.state={}"),
    ],
)
def test_what_would_leave_the_gate_out_is_refused_by_name(words: tuple[str, ...]) -> None:
    with pytest.raises(Ungated, match=r"start it without|config.toml"):
        put(*words)


@pytest.mark.parametrize("words", [("exec", "--", "--remote"), ("-c", 'model="x"'), ("--disable", "goals"), ("-C", "/w", "go")])
def test_what_does_not_touch_the_gate_stays_as_it_is(words: tuple[str, ...]) -> None:
    assert put(*words)[-len(words) :] == list(words)


def test_no_command_is_no_launch() -> None:
    with pytest.raises(Ungated, match="no command"):
        launched([], *OURS, CWD)


def test_the_hooks_of_a_launch_are_read_back_from_its_command_line() -> None:
    found = inline_settings(put("exec", "go"))
    assert found == {"hooks": {event: [group] for event, group in hooks(*OURS).items()}, "features": {"hooks": True}}
    assert inline_settings(["codex", "-c", "model=1", "-c", "hooks.PreToolUse=[", "go"]) == {}


def test_it_is_open_where_a_hook_fails_and_a_launch_outweighs_what_switches_hooks_off() -> None:
    line, path = "command line", "/h/.codex/config.toml"
    off: dict[str, object] = {"features": {"hooks": False}}
    hook = Hook("PreToolUse", (line,), 1, None, DENIED)

    def told(*, launch: dict[str, object]) -> str:
        layers = {path: off, line: launch}
        return strength(codex_settings, (hook,), layers, signs.modes("codex", {path: off})).strength

    whole = inline_settings(put("exec", "go"))
    assert told(launch=whole) == "open on failure"
    assert told(launch={"hooks": whole["hooks"]}) == "none"


def test_what_in_its_files_weakens_the_gate_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODEX_HOME", raising=False)
    own = tmp_path / ".codex"
    own.mkdir()
    (own / "config.toml").write_text("[features]\nhooks = false\n", encoding="utf-8")
    (own / "hooks.json").write_text(json.dumps({"hooks": {"PreToolUse": [MEASURED]}}), encoding="utf-8")
    (tmp_path / "w" / ".codex").mkdir(parents=True)
    (tmp_path / "w" / ".codex" / "config.toml").write_text("[features\n", encoding="utf-8")
    found, troubles = layers(tmp_path, tmp_path / "w")
    told = warnings(found)
    assert [one.partition(":")[0] for one in told] == [str(own / "config.toml"), str(own / "hooks.json")]
    assert "features.hooks = false" in told[0]
    assert "another PreToolUse hook" in told[1]
    assert len(troubles) == 1 and str(tmp_path / "w" / ".codex" / "config.toml") in troubles[0]
    assert "allow_managed_hooks_only" in warnings({"/etc/codex/requirements.toml": {"allow_managed_hooks_only": True}})[0]


def test_every_event_has_a_name_of_its_own() -> None:
    assert codex_settings.NAMES["PreToolUse"] == "pre_tool_use"
    assert set(codex_settings.NAMES) == set(EVENTS)
