"""File tools, MCP tools and `ask`: by path and content, never by what they are called or say of themselves."""

import msgspec
import pytest

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from tests.policy.fake import HOME, WORK, call, context, sh, shop


@pytest.mark.parametrize(
    ("path", "tier"),
    [
        (f"{WORK}/new.py", "T1"),
        (f"{WORK}/a.py", "T1"),
        (f"{WORK}/empty.txt", "T1"),
        (f"{WORK}/notes.txt", "T2"),
        (f"{HOME}/other/new.txt", "T1"),
        (f"{HOME}/other/data.db", "T3"),
        ("/etc/hosts", "T3"),
        (f"{HOME}/.ssh/id_ed25519", "TX"),
        (f"{WORK}/.git/hooks/pre-commit", "T3"),
    ],
)
def test_a_write_is_judged_by_what_is_there_and_where(path: str, tier: str) -> None:
    for tool, key in (("Write", "file_path"), ("write_file", "file_path"), ("write", "filePath")):
        assert call(tool, {key: path, "content": "x\n"}).tier == tier


def test_an_edit_inside_the_workspace_is_shown_as_a_diff_of_the_real_content() -> None:
    result = call("Edit", {"file_path": f"{WORK}/notes.txt", "old_string": "mine", "new_string": "yours"})
    assert result.tier is Tier.T1
    assert "-mine\n+yours\n" in result.diff
    several = {
        "file_path": "notes.txt",
        "edits": [{"old_string": "mine", "new_string": "a"}, {"old_string": "a", "new_string": "b"}],
    }
    assert "+b\n" in call("MultiEdit", several).diff


def test_an_edit_outside_asks_no_less_than_a_write_would() -> None:
    given = {"file_path": "/etc/hosts", "old_string": "127", "new_string": "128"}
    assert call("Edit", given).tier is Tier.T3


@pytest.mark.parametrize(
    ("name", "text", "bad"),
    [("x.json", "{", True), ("x.json", "{}", False), ("x.toml", "a=", True), ("x.yaml", "a: 1", True), ("x.py", "(", False)],
)
def test_new_content_that_does_not_parse_is_said(name: str, text: str, bad: bool) -> None:
    assert (call("Write", {"file_path": name, "content": text}).invalid != "") is bad


@pytest.mark.parametrize("tool", ["Read", "Grep", "Glob", "LS", "read_file", "TodoWrite", "Task"])
def test_reading_and_planning_are_harmless(tool: str) -> None:
    assert call(tool, {"file_path": f"{WORK}/a.py"}).tier is Tier.T0


def test_reading_a_key_asks_whatever_the_tool() -> None:
    assert call("Read", {"file_path": f"{HOME}/.ssh/id_ed25519"}).tier is Tier.T3
    assert call("read_file", {"absolute_path": f"{HOME}/.ssh/id_ed25519"}).tier is Tier.T3


def test_a_patch_is_judged_by_every_file_it_names() -> None:
    patch = "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** Delete File: notes.txt\n*** End Patch"
    result = call("apply_patch", {"input": patch})
    assert result.tier is Tier.T2
    assert {target.path for target in result.targets} == {f"{WORK}/a.py", f"{WORK}/notes.txt"}
    assert call("apply_patch", {"input": "nonsense"}).tier is Tier.T3


@pytest.mark.row("A06")
@pytest.mark.parametrize("tool", ["mcp__db__query", "mcp__files__read_file", "mcp__x__delete", "Unknown", "", "bash2"])
def test_what_a_tool_calls_itself_lowers_nothing(tool: str) -> None:
    assert call(tool, {"readOnlyHint": True, "command": "ls"}).tier is Tier.T3


@pytest.mark.parametrize(
    ("op", "paths", "tier"),
    [
        ("delete", ["notes.txt"], "T2"),
        ("delete", ["/etc/hosts"], "T3"),
        ("delete", [], "T3"),
        ("write", ["new.txt"], "T1"),
        ("config", ["a.toml"], "T3"),
        ("publish", [], "T3"),
        ("restart", ["gateway"], "T3"),
        ("exec", [], "T1"),
        ("dance", [], "T3"),
        ("write", [f"{HOME}/.ssh/id_ed25519"], "TX"),
    ],
)
def test_an_ask_is_judged_by_its_operation_and_paths(op: str, paths: list[str], tier: str) -> None:
    assert call("controlroom.ask", {"op": op, "paths": paths, "reason": "r", "cwd": WORK}).tier == tier


def test_an_asks_command_is_judged_too_and_new_text_is_shown() -> None:
    given = {"op": "exec", "paths": [], "reason": "harmless", "argv": ["rm", "-rf", "build"], "cwd": WORK}
    assert call("controlroom.ask", given).tier is Tier.T2
    shown = call("controlroom.ask", {"op": "config", "paths": ["package.json"], "reason": "r", "new": "{", "cwd": WORK})
    assert "+{" in shown.diff
    assert "package.json" in shown.invalid


@pytest.mark.row("A22")
def test_a_script_that_the_agent_wrote_is_inspected_or_asks() -> None:
    written = context(written=(f"{WORK}/a.py", f"{WORK}/notes.txt"))
    assert sh("python3 a.py", where=written).tier is Tier.T1  # inspected: it prints
    assert "shell.written-seen" in {reason.rule for reason in sh("python3 a.py", where=written).reasons}
    assert sh("python3 a.py").tier is Tier.T1
    destroyer = shop()
    destroyer.add(f"{WORK}/a.py", b"import shutil\nshutil.rmtree('/home/op/other')\n")
    assert sh("python3 a.py", destroyer, written).tier is Tier.T3
    assert sh("./a.py", destroyer, context(written=(f"{WORK}/a.py",))).tier is Tier.T3  # no first line: read as shell
    destroyer.add(f"{WORK}/a.py", b"\x7fELF\0")
    assert sh("./a.py", destroyer, written).tier is Tier.T3
    assert sh("bash notes.txt", where=written).tier is Tier.T1  # inspected: its text runs a program that no rule knows
    assert sh("echo 'rm -rf src' > run.sh && bash run.sh").tier is Tier.T2
    assert sh("echo 'rm -rf ~/other' > run.sh && bash run.sh").tier is Tier.T3
    assert sh("cat x > run.sh && bash run.sh").tier is Tier.T3


@pytest.mark.row("A07")
def test_what_is_run_or_applied_is_named_for_binding() -> None:
    assert sh("python3 a.py").operands == (f"{WORK}/a.py",)
    assert sh("make test").operands == (f"{WORK}/Makefile",)
    assert sh("npm test").operands == (f"{WORK}/package.json",)
    assert sh("cd src && bash main.py").operands == (f"{WORK}/src/main.py",)
    assert sh("ls && make").executables == ("ls", "make")


def test_targets_are_counted_and_tracked() -> None:
    result = sh("rm -rf build notes.txt a.py")
    by_path = {target.path: target for target in result.targets}
    assert by_path[f"{WORK}/build"].files == 2
    assert by_path[f"{WORK}/build"].size == 3
    assert by_path[f"{WORK}/a.py"].tracked is True
    assert by_path[f"{WORK}/notes.txt"].tracked is False
    assert EffectKind.DELETE in {effect.kind for effect in result.effects}
    assert not result.undo
    assert result.undo_why


def test_the_agents_description_changes_nothing() -> None:
    one = call("Bash", {"command": "rm -rf build", "description": "safe, read only"})
    assert msgspec.json.encode(one) == msgspec.json.encode(sh("rm -rf build"))


def test_a_tool_is_judged_by_how_much_it_removes() -> None:
    """notes.txt is not in git: what keeps its text is T1, what takes it away is asked as a rewrite is."""
    tree = shop()
    tree.add(f"{WORK}/notes.txt", b"one\ntwo\nthree\nfour\n")
    path = {"file_path": f"{WORK}/notes.txt"}
    assert call("Write", path | {"content": "zero\none\ntwo\nthree\nfour\nfive\n"}, tree).tier is Tier.T1
    assert call("Write", path | {"content": "one\ntwo\nfour\n"}, tree).tier is Tier.T2
    assert call("Edit", path | {"old_string": "two", "new_string": ""}, tree).tier is Tier.T1
    assert call("Edit", path | {"old_string": "one\ntwo\nthree\n", "new_string": ""}, tree).tier is Tier.T2
    patch = "*** Begin Patch\n*** Update File: notes.txt\n@@\n-one\n-two\n-three\n+x\n*** Add File: new.txt\n+" + "y" * 99
    assert call("apply_patch", {"input": patch + "\n*** End Patch"}, tree).tier is Tier.T2
    assert call("apply_patch", {"input": patch.replace("-two\n-three\n", "")}, tree).tier is Tier.T1


@pytest.mark.parametrize("tool", ["Bash", "bash", "exec_command", "shell", "run_shell_command", "exec"])
def test_every_agents_shell_goes_to_the_shell(tool: str) -> None:
    for key in ("command", "cmd"):
        assert call(tool, {key: "rm -rf build"}).tier is Tier.T2
        assert call(tool, {key: "ls"}).tier is Tier.T0
    assert call(tool, {"command": ["bash", "-lc", "kubectl delete ns prod"]}).tier is Tier.T3


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("delete_file", {"path": "notes.txt"}),
        ("str_replace_editor", {"command": "create", "path": f"{WORK}/notes.txt", "file_text": "x"}),
        ("str_replace_based_edit_tool", {"command": "create", "path": f"{WORK}/notes.txt", "file_text": "x"}),
        ("create_file", {"path": "notes.txt", "content": "x"}),
        ("write", {"filePath": f"{WORK}/notes.txt", "content": "x"}),
        ("apply_patch", {"patch": "*** Begin Patch\n*** Delete File: notes.txt\n*** End Patch"}),
    ],
)
def test_file_tools_of_every_agent_are_known(tool: str, given: dict[str, object]) -> None:
    assert call(tool, given).tier is Tier.T2


@pytest.mark.parametrize("tool", ["write_stdin", "save_memory", "gateway", "cron", "message", "browser", "PowerShell"])
def test_tools_that_always_ask_say_why(tool: str) -> None:
    found = call(tool, {"command": "ls"})
    assert found.tier is Tier.T3
    assert found.reasons[0].rule == "tool.asks"


@pytest.mark.parametrize(
    ("tool", "given", "rule"),
    [
        ("mcp__db__query", {"sql": "drop table users"}, "mcp.sql"),
        ("mcp__db__query", {"query": "select 1"}, "mcp.reading"),
        ("mcp__mail__send_message", {}, "mcp.telling"),
        ("mcp__hub__deleteRepo", {}, "mcp.destructive"),
        ("mcp__fs__write_file", {"path": f"{HOME}/other/data.db"}, "mcp.path"),
        ("mcp__x__frobnicate", {}, "mcp.unknown"),
        ("mcp__sh__run", {"args": {"command": "rm -rf /home/op/other"}}, "files.rm"),
        ("mcp__sh__run", {"command": "rm", "args": ["-rf", "/home/op/other"]}, "files.rm"),
        ("mcp__sh__run", {"argv": ["git", "stash", "drop"]}, "git.stash-drop"),
        ("mcp__sh__run", {"commands": ["cd /tmp && git stash drop"]}, "git.stash-drop"),
        ("mcp__sh__run", {"shellCommand": "git stash drop"}, "git.stash-drop"),
        ("mcp__fs__move_file", {"destinationPath": f"{HOME}/other/data.db"}, "mcp.path"),
        ("mcp__x__frobnicate", {"arguments": [f"{HOME}/other/data.db"]}, "mcp.path"),
        ("mcp__x-y__DropTable", {}, "mcp.destructive"),
        ("mcp_hub_get_file", {}, "mcp.reading"),
    ],
)
def test_an_mcp_tools_name_and_arguments_say_why_it_asks(tool: str, given: dict[str, object], rule: str) -> None:
    found = call(tool, given)
    assert found.tier is Tier.T3
    assert rule in {reason.rule for reason in found.reasons}


def test_an_mcp_tool_cannot_touch_what_nobody_may() -> None:
    assert call("mcp__fs__write_file", {"path": f"{HOME}/.ssh/id_ed25519"}).tier is Tier.TX
    assert call("mcp__fs__delete", {"paths": ["~/.ssh/id_ed25519"]}).tier is Tier.TX
    assert call("mcp__fs__read_file", {"path": f"{HOME}/.ssh/id_ed25519"}).tier is Tier.T3
    assert call("mcp__sh__get", {"command": "rm ~/.ssh/id_ed25519"}).tier is Tier.TX
    assert call("mcp__sh__exec", {"command": "rm", "arguments": [f"{HOME}/.ssh/id_ed25519"]}).tier is Tier.TX
    assert call("mcp__x__delete", {"a": [{"b": {"c": f"{HOME}/.ssh/id_ed25519"}}]}).tier is Tier.TX


@pytest.mark.row("A06")
@pytest.mark.parametrize("hint", [{"readOnlyHint": True}, {"destructiveHint": False}, {"annotations": {"readOnlyHint": True}}])
@pytest.mark.parametrize("tool", ["mcp__db__query", "mcp__fs__read_file", "mcp__x__frobnicate"])
def test_what_a_server_claims_of_its_tool_lowers_nothing(tool: str, hint: dict[str, object]) -> None:
    assert call(tool, hint).tier is Tier.T3
    assert call(tool, {**hint, "path": f"{HOME}/.ssh/id_ed25519", "command": "rm ~/.ssh/id_ed25519"}).tier is Tier.TX


def test_an_mcp_tools_arguments_are_looked_at_to_a_bound() -> None:
    many = {"paths": [f"a{number}" for number in range(500)]}
    assert "mcp.many" in {reason.rule for reason in call("mcp__fs__read", many).reasons}
    deep: object = "x"
    for _ in range(80):
        deep = {"a": deep}
    assert call("mcp__fs__read", {"a": deep}).tier is Tier.T3


@pytest.mark.row("A22", "A13")
@pytest.mark.parametrize(
    "command",
    [
        "cat > ~/.claude/settings.json <<'EOF'\n{}\nEOF",
        "python3 -c \"open('/home/op/.claude/settings.json', 'w').write('{}')\"",
        "python3 - <<'EOF'\nimport os\np = os.path.expanduser('~/.claude/settings.json')\nopen(p, 'w').write('{}')\nEOF",
        "cat > w.py <<'EOF'\nfrom pathlib import *\n(Path.home() / '.claude/settings.json').write_text('')\nEOF\npython3 w.py",
        "cat > w.sh <<'EOF'\necho '{}' > ~/.claude/settings.json\nEOF\nbash w.sh",
        "node -e \"require('fs').writeFileSync('/home/op/.claude/settings.json', '{}')\"",
        "sed -i s/a/b/ ~/.claude/settings.json",
        "cd ~/.claude && echo '{}' > settings.json",
        'awk \'BEGIN { print "{}" > "/home/op/.claude/settings.json" }\'',
        "echo '{}' | tee ~/.claude/settings.json",
        "cp a.py ~/.claude/settings.json",
    ],
)
def test_a_denied_edit_by_another_way_is_held_for_the_same_file(command: str) -> None:
    target = f"{HOME}/.claude/settings.json"
    edit = call("Edit", {"file_path": target, "old_string": "{}", "new_string": "{ }"})
    again = sh(command)
    assert edit.tier is again.tier is Tier.T3
    assert target in {t.path for t in edit.targets} & {t.path for t in again.targets}
    assert "protect.guarded" in {reason.rule for reason in again.reasons}
