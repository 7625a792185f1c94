"""Install and uninstall: nothing of the user's is lost, and uninstall leaves the bytes as they were."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.agents import claude_settings, json_text
from controlroom.agents.claude_settings import EVENTS, MANAGED_FILE, ours
from controlroom.agents.gated import Settings
from controlroom.agents.install import Plan, Refused, Scope, apply, plan, plan_uninstall

GATE_DIR, PYTHON, HOOK = Path("/run/controlroom"), Path("/usr/bin/python3"), Path("/lib/hook.py")
SCOPES: tuple[Scope, ...] = ("user", "project", "managed")
OTHER = {"matcher": "Bash", "hooks": [{"type": "command", "command": "lint"}]}


class Machine:
    """A home, a project, a managed folder and a folder for backups."""

    def __init__(self, top: Path, settings: Settings = claude_settings) -> None:
        self.settings = settings
        self.home, self.project, self.managed, self.backups = (top / name for name in ("home", "project", "etc", "backups"))
        self.home.mkdir(parents=True)
        self.project.mkdir()

    def file(self, scope: Scope = "user") -> Path:
        return self.settings.file(scope, self.home, self.project, self.managed)

    def write(self, text: str | bytes, scope: Scope = "user") -> Path:
        file = self.file(scope)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def plan(self, scope: Scope = "user", hook: Path = HOOK) -> Plan:
        return plan(self.settings, scope, self.home, self.project, GATE_DIR, PYTHON, hook, managed=self.managed)

    def install(self, scope: Scope = "user", hook: Path = HOOK) -> Plan:
        planned = self.plan(scope, hook)
        apply(planned, self.backups)
        return planned

    def uninstall(self, scope: Scope = "user") -> Plan:
        planned = plan_uninstall(self.settings, scope, self.home, self.project, self.backups, managed=self.managed)
        apply(planned, self.backups)
        return planned


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def installed(file: Path) -> bool:
    """Whether each event has exactly one group of ours."""
    events = json.loads(file.read_text())["hooks"]
    return all(sum(ours(event, group) for group in events[event]) == 1 for event in EVENTS)


@pytest.mark.parametrize("scope", SCOPES)
def test_where_nothing_was_nothing_is_left(machine: Machine, scope: Scope) -> None:
    planned = machine.install(scope)
    assert planned.before is None and planned.changes and "+++" in planned.diff
    assert installed(machine.file(scope))
    machine.uninstall(scope)
    assert not machine.file(scope).exists() and not machine.file(scope).parent.exists()
    assert list(machine.backups.iterdir()) == []


def test_each_scope_is_its_file(machine: Machine) -> None:
    assert machine.file("user") == machine.home / ".claude/settings.json"
    assert machine.file("project") == machine.project / ".claude/settings.json"
    assert machine.file("managed") == machine.managed / MANAGED_FILE
    assert MANAGED_FILE == "managed-settings.d/50-controlroom.json"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{ }\n",
        '{"model":"x"}',
        '{\n  "model": "x",\n  "hooks": {}\n}\n',
        '{\r\n\t"hooks": {\r\n\t\t"PreToolUse": []\r\n\t}\r\n}',
        json.dumps({"hooks": {"PreToolUse": [OTHER], "Stop": [OTHER]}, "permissions": {"allow": ["Bash(ls)"]}}, indent=4),
        '{"a" :1 ,\n\n\n   "hooks":{"PreToolUse" : [ ]   }, "ä":"\\u00e4" }   \n\n',
    ],
)
def test_uninstall_leaves_the_bytes_as_they_were(machine: Machine, text: str) -> None:
    file = machine.write(text)
    file.chmod(0o640)
    machine.install()
    assert installed(file)
    assert file.stat().st_mode & 0o777 == 0o640
    machine.install()
    machine.install(hook=Path("/newer/hook.py"))
    assert installed(file) and "/newer/hook.py" in file.read_text()
    machine.uninstall()
    assert file.read_bytes() == text.encode()
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_install_that_is_there_changes_nothing(machine: Machine) -> None:
    machine.install()
    again = machine.install()
    assert not again.changes and again.diff == ""
    machine.uninstall()
    assert not machine.uninstall().changes


def test_what_the_user_changed_since_stays(machine: Machine) -> None:
    file = machine.write('{\n    "model": "x",\n    "odd" : [1,2,\n 3]\n}\n')
    machine.install()
    file.write_text(file.read_text().replace('"model": "x"', '"model": "y"'))
    machine.uninstall()
    assert file.read_text() == '{\n    "model": "y",\n    "odd" : [1,2,\n 3]\n}\n'


def test_what_the_user_changed_between_two_installs_stays(machine: Machine) -> None:
    file = machine.write('{"model": "x"}')
    machine.install()
    file.write_text(file.read_text().replace('"x"', '"y"'))
    machine.install(hook=Path("/newer/hook.py"))
    machine.uninstall()
    assert file.read_text() == '{"model": "y"}'


def test_a_hook_the_user_added_since_stays(machine: Machine) -> None:
    file = machine.write('{"model": "x"}')
    machine.install()
    file.write_text(json_text.append(file.read_text(), ("hooks", "PreToolUse"), OTHER))
    machine.uninstall()
    assert json.loads(file.read_text()) == {"model": "x", "hooks": {"PreToolUse": [OTHER]}}


def test_a_lost_backup_costs_no_more_than_white_space(machine: Machine) -> None:
    file = machine.write('{\n  "model": "x"\n}\n')
    machine.install()
    for backup in machine.backups.iterdir():
        backup.write_text("rubbish")
    machine.uninstall()
    assert file.read_text() == '{\n  "model": "x"\n}\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b'{\n  "a": 1,\n}', "line 3 column 1"),
        (b"", "line 1 column 1"),
        (b'{"a":1,"a":2}', "twice"),
        (b"\xff", "UTF-8"),
        (b"[]", "must be an object"),
        (b'{"hooks":[]}', "hooks: must be an object"),
        (b'{"hooks":{"PreToolUse":{}}}', "hooks.PreToolUse: must be an array"),
    ],
)
def test_a_file_that_is_broken_is_refused_and_left(machine: Machine, text: bytes, what: str) -> None:
    file = machine.write(text)
    with pytest.raises(Refused, match=what) as caught:
        machine.install()
    assert str(file) in str(caught.value)
    assert file.read_bytes() == text


def test_a_link_stays_a_link(machine: Machine) -> None:
    real = machine.home / "dotfiles.json"
    real.write_text('{"model": "x"}')
    file = machine.file()
    file.parent.mkdir()
    file.symlink_to(real)
    machine.install()
    assert file.is_symlink() and installed(real)
    machine.uninstall()
    assert file.is_symlink() and real.read_text() == '{"model": "x"}'


def test_what_cannot_be_written_safely_is_refused(machine: Machine) -> None:
    file = machine.file()
    file.parent.mkdir()
    file.symlink_to("nowhere")
    with pytest.raises(Refused, match="leads nowhere"):
        machine.plan()
    file.unlink()
    file.mkdir()
    with pytest.raises(Refused, match="not a regular file"):
        machine.plan()
    file.rmdir()
    file.write_text("{}")
    os.link(file, machine.home / "other")
    with pytest.raises(Refused, match="2 hard links"):
        machine.plan()


def test_a_link_out_of_the_project_is_refused(machine: Machine) -> None:
    victim = machine.home / "victim.json"
    victim.write_text("{}")
    file = machine.file("project")
    file.parent.mkdir()
    file.symlink_to(victim)
    with pytest.raises(Refused, match="leads out of the project"):
        machine.plan("project")


@pytest.mark.skipif(os.geteuid() != 0, reason="root is missing: only root can give a file to another user")
def test_a_file_of_another_user_is_refused(machine: Machine) -> None:
    os.chown(machine.write("{}"), 65534, 65534)
    with pytest.raises(Refused, match="belongs to uid 65534"):
        machine.plan()


def test_a_file_that_changed_since_the_diff_is_left(machine: Machine) -> None:
    file = machine.write("{}")
    planned = machine.plan()
    file.write_text('{"new":1}')
    with pytest.raises(Refused, match="changed meanwhile"):
        apply(planned, machine.backups)
    assert file.read_text() == '{"new":1}'


def test_the_operator_is_told_what_a_scope_means(machine: Machine) -> None:
    (machine.project / ".git").mkdir()
    assert "git" in machine.plan("project").notes[0]
    assert "every user" in machine.plan("managed").notes[0]
    assert machine.plan("user").notes == ()


def test_every_agent_of_the_machine_may_read_managed_settings(machine: Machine) -> None:
    machine.install("managed")
    assert machine.file("managed").stat().st_mode & 0o777 == 0o644
    machine.install("user")
    assert machine.file("user").stat().st_mode & 0o777 == 0o600


KEYS = st.sampled_from(["hooks", "PreToolUse", "SessionEnd", "Stop", "a", "ä", 'q"uote'])
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "}]", '\\"', "ä"]) | st.just(dict[str, object]())
GROUPS = st.lists(st.just(OTHER) | st.just({}) | st.integers(), max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.recursive(
            LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
        ),
        "hooks": st.dictionaries(st.sampled_from([*EVENTS, "Stop"]), GROUPS, max_size=4),
        "z": LEAVES,
    },
)
GAPS = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "  \n\n "])


@st.composite
def odd_texts(draw: st.DrawFn) -> str:
    """A settings document with white space wherever JSON allows it."""

    def show(value: object) -> str:
        def gap() -> str:
            return draw(GAPS)

        if isinstance(value, dict):
            inner = ",".join(f"{gap()}{json.dumps(key)}{gap()}:{gap()}{show(item)}{gap()}" for key, item in value.items())
            return "{" + (inner or gap()) + "}"
        if isinstance(value, list):
            return "[" + (",".join(f"{gap()}{show(item)}{gap()}" for item in value) or gap()) + "]"
        return json.dumps(value)

    return draw(GAPS) + show(draw(DOCUMENTS)) + draw(GAPS)


@given(text=odd_texts())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_keeps_everything_and_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    file = machine.write(text)
    machine.install()
    assert installed(file)
    now, before = json.loads(file.read_text()), json.loads(text)
    for event, groups in now.pop("hooks").items():
        assert [group for group in groups if not ours(event, group)] == before.get("hooks", {}).get(event, [])
    before.pop("hooks", None)
    assert now == before
    machine.uninstall()
    assert file.read_bytes() == text.encode()


@given(text=odd_texts())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_without_a_backup_only_what_was_empty_may_go(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    file = machine.write(text)
    machine.install()
    for backup in machine.backups.iterdir():
        backup.unlink()
    machine.uninstall()

    def full(document: dict[str, dict[str, object]]) -> object:
        events = {event: groups for event, groups in document.pop("hooks", {}).items() if groups}
        return document, events

    assert full(json.loads(file.read_text())) == full(json.loads(text))
