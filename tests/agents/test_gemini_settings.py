"""Gemini CLI's gate in its settings, which hold the user's own too: what is written, how strong it is, what weakens it."""

import json
from pathlib import Path

import pytest

from controlroom.agents import gemini_settings, json_text, signs, weakening
from controlroom.agents.gate_strength import DENIED, strength
from controlroom.agents.gemini_settings import EVENTS, hooks, layers, ours, warnings
from controlroom.agents.install import Refused, apply, plan, plan_uninstall
from controlroom.hook import GATE_SECONDS, OBSERVED_SECONDS
from controlroom.model.permissions import Hook

OURS = (Path("/run/controlroom"), Path("/usr/bin/python3"), Path("/lib/hook.py"))
PATH = "/h/.gemini/settings.json"
OTHER = {"matcher": "write_file", "hooks": [{"type": "command", "command": "lint"}]}


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_CLI_HOME", raising=False)


def installed() -> dict[str, object]:
    return {"hooks": {event: [group] for event, group in hooks(*OURS).items()}}


def settings_file(home: Path, text: str) -> Path:
    file = home / ".gemini" / "settings.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_the_agent_waits_longer_than_our_hook_and_counts_in_milliseconds() -> None:
    for event, group in hooks(*OURS).items():
        [handler] = json.loads(json.dumps(group["hooks"]))
        assert handler["timeout"] > 1000 * (GATE_SECONDS if event == "BeforeTool" else OBSERVED_SECONDS)
        assert ours(event, group)
        assert not ours(event, {**group, "hooks": [{**handler, "command": f"{handler['command']}; true"}]})
        assert not ours(event, {**group, "hooks": [handler, handler]})
        assert not ours(event, {**group, "hooks": [5]})
        assert not ours(event, 5)


def gate_of(settings: dict[str, object]) -> tuple[str, str]:
    hook = Hook("BeforeTool", (PATH,), 1, None, DENIED)
    found = strength(gemini_settings, (hook,), {PATH: settings}, signs.modes("gemini", {PATH: settings}))
    return found.strength, found.why


def test_it_is_open_on_failure_and_says_of_which() -> None:
    how, why = gate_of(installed())
    assert how == "open on failure"
    assert "whose hook cannot be started, or has not answered in 900 s" in why


@pytest.mark.parametrize("timeout", [5, 620_000, True, None, "900000"])
def test_a_timeout_that_was_cut_is_said(timeout: object) -> None:
    given = json.loads(json.dumps(installed()))
    given["hooks"]["BeforeTool"][0]["hooks"][0]["timeout"] = timeout
    how, why = gate_of(given)
    assert how == "open on failure" and "install it again" in why


def test_a_matcher_that_leaves_tools_out_is_said() -> None:
    given = json.loads(json.dumps(installed()))
    given["hooks"]["BeforeTool"][0]["matcher"] = "read_file"
    assert "install it again" in gate_of(given)[1]


@pytest.mark.parametrize("config", [{"enabled": False}, {"disabled": ["controlroom"]}, {"disabled": ["controlroom", "x"]}])
def test_hooks_that_are_switched_off_are_no_gate(config: dict[str, object]) -> None:
    assert gate_of({**installed(), "hooksConfig": config})[0] == "none"


def test_without_settings_a_file_comes_and_goes_with_its_folder(tmp_path: Path) -> None:
    home, backups = tmp_path / "home", tmp_path / "backups"
    home.mkdir()
    planned = plan(gemini_settings, "user", home, home, *OURS)
    assert planned.notes == gemini_settings.NOTES
    apply(planned, backups)
    assert json.loads((home / ".gemini" / "settings.json").read_text()) == installed()
    assert not plan(gemini_settings, "user", home, home, *OURS).changes
    apply(plan_uninstall(gemini_settings, "user", home, home, backups), backups)
    assert list(home.iterdir()) == []


COMMENTED = [
    '{\n  // first\n  "ui": {"theme": "x"} // last\n}\n',
    "{ // nothing yet\n}\n",
    '{\n  /* "hooks": {"BeforeTool": []} */\n  "a": "// no comment", "b": "/*",\n  // end\n  "c": 1\n}',
    '{"a": 1} // one line',
    '{\n\t"hooks": { // mine\n\t\t"BeforeTool": [ /* none */ ],\n\t\t"AfterTool": [{"hooks": []} /* odd */]\n\t}\n}\n',
    '// top\n{\r\n  "hooks": {\r\n    "BeforeTool": [\r\n      // a\r\n      {"hooks": []} // b\r\n    ]\r\n  }\r\n}\r\n',
]


@pytest.mark.parametrize("text", COMMENTED)
@pytest.mark.parametrize("backup", [True, False])
def test_what_the_user_wrote_stays_comments_too(tmp_path: Path, text: str, backup: bool) -> None:
    file, kept = settings_file(tmp_path, text), tmp_path / "kept"
    file.write_bytes(text.encode())
    before = json.loads(json_text.without_comments(text))
    apply(plan(gemini_settings, "user", tmp_path, tmp_path, *OURS), kept)
    now = file.read_bytes().decode()
    found = json.loads(json_text.without_comments(now))
    assert [groups[-1] for groups in (found["hooks"][event] for event in EVENTS)] == list(hooks(*OURS).values())
    assert {**found, "hooks": 0} == {**before, "hooks": 0}
    remarks = [
        word for word in ("first", "last", "nothing yet", "no comment", "mine", "none", "odd", "// a", "// b") if word in text
    ]
    assert [word for word in remarks if word not in now] == []
    assert not plan(gemini_settings, "user", tmp_path, tmp_path, *OURS).changes
    if not backup:
        for one in kept.iterdir():
            one.unlink()
    apply(plan_uninstall(gemini_settings, "user", tmp_path, tmp_path, kept), kept)
    left = file.read_bytes().decode()
    if backup:
        assert left == text
    assert [word for word in remarks if word not in left] == []
    assert not any(
        ours(event, group)
        for event in EVENTS
        for group in json.loads(json_text.without_comments(left)).get("hooks", {}).get(event, [])
    )


def test_a_comment_that_came_beside_ours_stays(tmp_path: Path) -> None:
    file, kept = settings_file(tmp_path, '{"hooks": {"BeforeTool": []}}'), tmp_path / "kept"
    text = json.dumps({"hooks": {event: [group] for event, group in hooks(*OURS).items()}})
    event, group = next(iter(hooks(*OURS).items()))
    ours_text = json.dumps(group)
    assert text.count(ours_text) == 1
    text = text.replace(ours_text, f"/* l */ {ours_text} /* m */, /* n */ {json.dumps(OTHER)} // o\n")
    file.write_text(text.replace('"AfterTool"', '// p\n"AfterTool"'))
    apply(plan_uninstall(gemini_settings, "user", tmp_path, tmp_path, kept), kept)
    left = file.read_text()
    assert json.loads(json_text.without_comments(left)) == {"hooks": {event: [OTHER]}}
    assert [mark for mark in "lmnop" if f" {mark}" not in left] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1 column 2"),
        ("[]", "must be an object"),
        ('{"hooks": 5}', "hooks"),
        ('{"a": 1,}', "line 1 column 9"),
        ('{"a": 1, /* }', "line 1"),
        ('{"hooks": {"BeforeTool": {}}} // odd', "must be an array"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = settings_file(tmp_path, text)
    with pytest.raises(Refused, match=why) as caught:
        plan(gemini_settings, "user", tmp_path, tmp_path, *OURS)
    assert str(file) in str(caught.value)
    assert file.read_text() == text


@pytest.mark.parametrize("scope", ["project", "managed"])
def test_a_scope_that_does_not_hold_is_refused(tmp_path: Path, scope: str) -> None:
    with pytest.raises(Refused, match="--scope user"):
        plan(gemini_settings, scope, tmp_path, tmp_path, *OURS)  # type: ignore[arg-type]


def test_a_moved_home_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_CLI_HOME", str(tmp_path / "moved"))
    assert gemini_settings.file("user", tmp_path, tmp_path) == tmp_path / "moved" / ".gemini" / "settings.json"


def test_what_weakens_it_is_named_by_its_file(tmp_path: Path) -> None:
    own, project = tmp_path / ".gemini", tmp_path / "w" / ".gemini"
    project.mkdir(parents=True)
    settings_file(tmp_path, f"// mine\n{json.dumps({**installed(), 'hooksConfig': {'disabled': ['controlroom']}})}")
    (own / "trustedFolders.json").write_text(json.dumps({"/old": "DO_NOT_TRUST", "/w": "TRUST_FOLDER"}))
    (project / "settings.json").write_text(json.dumps({"hooksConfig": {"enabled": False}, "hooks": {"BeforeTool": [OTHER, 5]}}))
    found, troubles = layers(tmp_path, tmp_path / "w")
    assert troubles == []
    assert warnings(found) == [
        f'{own}/settings.json: "hooksConfig.disabled" names "controlroom", which switches our hooks off; take it out',
        f'{project}/settings.json: "hooksConfig.enabled": false switches hooks off; take it out',
        f"{project}/settings.json: another BeforeTool hook is set; it can change a call after it was judged here",
        f"{own}/trustedFolders.json: /old is not trusted, so no hook is run there: BeforeTool neither, and no call is held",
    ]
    (project / "settings.json").write_text("{")
    _, [trouble] = layers(tmp_path, tmp_path / "w")
    assert trouble.startswith(f"{project}/settings.json: cannot be read (line 1")


@pytest.mark.row("G05")
def test_changes_of_its_files_that_weaken_it_are_told() -> None:
    def told(path: str, before: object, after: object) -> tuple[str, ...]:
        return weakening.weakens("gemini", path, "settings", json.dumps(before).encode(), json.dumps(after).encode())

    whole = installed()
    assert told(PATH, {}, whole) == ()
    assert weakening.only_gate(PATH, b"// mine\n{}", json.dumps(whole).encode(), hooks(*OURS), gemini_settings.HEAD)
    assert told(PATH, whole, {})[0].startswith("our hook is gone from it (AfterTool, BeforeTool,")
    assert told(PATH, {}, {"hooksConfig": {"disabled": ["controlroom"]}})[0].startswith("hooksConfig.disabled is controlroom")
    assert told(PATH, {}, {"hooks": {"BeforeTool": [OTHER]}}) == (
        "another BeforeTool hook is set; it can change a call after it was judged here",
    )
    trust = "/h/.gemini/trustedFolders.json"
    assert told(trust, {}, {"/w": "TRUST_FOLDER"}) == ()
    assert told(trust, {"/w": "TRUST_FOLDER"}, {"/w": "DO_NOT_TRUST"}) == (
        "/w is not trusted, so no hook is run there: BeforeTool neither, and no call is held",
    )


@pytest.mark.parametrize("flag", ["--acp", "--experimental-acp"])
def test_driven_by_another_program_it_runs_no_hooks(flag: str) -> None:
    assert [mode.weight for mode in signs.flags("gemini", ["gemini", flag])] == ["off"]
