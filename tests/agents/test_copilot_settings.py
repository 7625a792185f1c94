"""Copilot CLI's gate in its hook files: what is written, how strong it is called, and where it cannot go."""

import json
from pathlib import Path

import pytest

from controlroom.agents import copilot_settings, signs
from controlroom.agents.copilot_settings import EVENTS, hooks, layers, ours, warnings
from controlroom.agents.gate_strength import DENIED, strength
from controlroom.agents.install import Refused, apply, plan, plan_uninstall
from controlroom.hook import GATE_SECONDS, OBSERVED_SECONDS
from controlroom.model.permissions import Hook

OURS = (Path("/run/controlroom"), Path("/usr/bin/python3"), Path("/lib/hook.py"))
OWN = '{"version": 1, "hooks": {}}\n'


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPILOT_HOME", raising=False)


def installed() -> dict[str, object]:
    return {"version": 1, "hooks": {event: [hook] for event, hook in hooks(*OURS).items()}}


def test_the_agent_waits_longer_than_our_hook() -> None:
    for event, hook in hooks(*OURS).items():
        least = GATE_SECONDS if event == "preToolUse" else OBSERVED_SECONDS
        assert isinstance(hook["timeoutSec"], int)
        assert hook["timeoutSec"] > least
        assert ours(event, hook)
        assert not ours(event, {**hook, "bash": f"{hook['bash']}; true"})


def test_it_is_closed_but_for_a_timeout_and_open_where_the_timeout_is_cut() -> None:
    def told(given: dict[str, object]) -> str:
        path = "/h/.copilot/hooks/controlroom.json"
        hook = Hook("preToolUse", (path,), 1, None, DENIED)
        return strength(copilot_settings, (hook,), {path: given}, signs.modes("copilot", {path: given})).strength

    assert told(installed()) == "closed except timeout"
    for short in (5, GATE_SECONDS, True, None, "900"):
        given = json.loads(json.dumps(installed()))
        given["hooks"]["preToolUse"][0]["timeoutSec"] = short
        assert told(given) == "open on failure"
    assert told({**installed(), "disableAllHooks": True}) == "none"


def test_the_file_of_ours_comes_beside_the_users_and_goes_with_its_folders(tmp_path: Path) -> None:
    home, backups = tmp_path / "home", tmp_path / "backups"
    home.mkdir()
    planned = plan(copilot_settings, "user", home, home, *OURS)
    apply(planned, backups)
    file = home / ".copilot" / "hooks" / "controlroom.json"
    assert json.loads(file.read_text()) == installed()
    assert not plan(copilot_settings, "user", home, home, *OURS).changes
    apply(plan_uninstall(copilot_settings, "user", home, home, backups), backups)
    assert list(home.iterdir()) == []


def test_folders_that_others_use_meanwhile_stay(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    apply(plan(copilot_settings, "user", tmp_path, tmp_path, *OURS), backups)
    other = tmp_path / ".copilot" / "config.json"
    other.write_text("{}")
    apply(plan_uninstall(copilot_settings, "user", tmp_path, tmp_path, backups), backups)
    assert other.exists()
    assert not (tmp_path / ".copilot" / "hooks").exists()


def test_what_the_user_wrote_into_that_file_stays(tmp_path: Path) -> None:
    file = tmp_path / ".copilot" / "hooks" / "controlroom.json"
    file.parent.mkdir(parents=True)
    file.write_text('{\n  "version": 1,\n  "hooks": {"preToolUse": [{"type": "command", "bash": "lint"}]}\n}\n')
    before = file.read_bytes()
    apply(plan(copilot_settings, "user", tmp_path, tmp_path, *OURS), tmp_path / "b")
    found = json.loads(file.read_text())["hooks"]
    assert found["preToolUse"][0]["bash"] == "lint"
    assert set(found) == set(EVENTS)
    apply(plan_uninstall(copilot_settings, "user", tmp_path, tmp_path, tmp_path / "b"), tmp_path / "b")
    assert file.read_bytes() == before


@pytest.mark.parametrize(("text", "why"), [("{", "line 1 column 2"), ("[]", "must be an object"), ('{"hooks": 5}', "hooks")])
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / ".copilot" / "hooks" / "controlroom.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(Refused, match=why) as caught:
        plan(copilot_settings, "user", tmp_path, tmp_path, *OURS)
    assert str(file) in str(caught.value)
    assert file.read_text() == text


@pytest.mark.parametrize("scope", ["project", "managed"])
def test_a_scope_that_does_not_hold_is_refused(tmp_path: Path, scope: str) -> None:
    with pytest.raises(Refused, match="--scope user"):
        plan(copilot_settings, scope, tmp_path, tmp_path, *OURS)  # type: ignore[arg-type]


def test_a_moved_folder_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_HOME", str(tmp_path / "moved"))
    assert copilot_settings.file("user", tmp_path, tmp_path) == tmp_path / "moved" / "hooks" / "controlroom.json"


def test_what_weakens_it_is_named_by_its_file(tmp_path: Path) -> None:
    own, project = tmp_path / ".copilot", tmp_path / "w"
    (own / "hooks").mkdir(parents=True)
    (project / ".github" / "hooks").mkdir(parents=True)
    (own / "hooks" / "own.json").write_text(OWN)
    (own / "hooks" / "broken.json").write_text("{")
    (own / "settings.json").write_text('{"disableAllHooks": true}')
    (own / "config.json").write_text("// written by the agent\n{}\n")
    other = project / ".github" / "hooks" / "x.json"
    other.write_text('{"version": 1, "hooks": {"preToolUse": [{"type": "command", "bash": "true"}, 5]}}')
    settings, troubles = layers(tmp_path, project)
    assert len(settings) == 4
    [trouble] = troubles
    assert trouble.startswith(f"{own}/hooks/broken.json: cannot be read (line 1")
    assert warnings(settings) == [
        f'{own}/settings.json: "disableAllHooks": true switches hooks off; take it out',
        f"{other}: another preToolUse hook is set; it can change a call after it was judged here",
    ]
