"""What was judged is what runs: the second look at a request, on real files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.agents.strict import canonical
from controlroom.daemon import binding
from controlroom.model.action import Action, digest_of
from controlroom.model.clock import Instant
from controlroom.model.request import Request
from controlroom.policy import Context, Manifest, assess
from controlroom.sensing.tree import RealTree

NOW = Instant(0, 0)


def _judge(action: Action, workspace: Path) -> Callable[[], str]:
    """Show a request now; the second look to call later."""
    context = Context(str(workspace), str(workspace / "home"), Manifest.parse("", "none"))
    shown = assess(action, context, RealTree())
    bound = binding.bind(action, shown, os.environ["PATH"])
    request = Request("r", "s", "c", action, bound, shown, digest_of(action, bound), NOW, NOW)
    return lambda: binding.changed(request, assess(action, context, RealTree()), os.environ["PATH"])


def _bash(command: str, workspace: Path) -> Action:
    return Action("Bash", canonical({"command": command}), str(workspace))


def test_nothing_changed_is_said_of_what_did_not(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    assert _judge(_bash("rm -rf build", tmp_path), tmp_path)() == ""


def test_files_that_come_and_go_inside_a_target_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    look = _judge(_bash("rm -rf build", tmp_path), tmp_path)
    (tmp_path / "build" / "new.o").write_text("x")
    assert look() == ""


@pytest.mark.row("A08")
def test_a_swapped_link_is_seen_every_time(tmp_path: Path) -> None:
    for side in ("one", "two"):
        (tmp_path / side / "build").mkdir(parents=True)
    link = tmp_path / "link"
    wrong = 0
    for n in range(1000):
        sides = ("one", "two") if n % 2 else ("two", "one")
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / sides[0])
        look = _judge(_bash("rm -rf link/build", tmp_path), tmp_path)
        link.unlink()
        link.symlink_to(tmp_path / sides[1])
        wrong += look() == ""
    assert wrong == 0


@pytest.mark.row("A08")
def test_a_replaced_target_of_the_same_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    look = _judge(_bash("rm -rf build", tmp_path), tmp_path)
    (tmp_path / "build").rename(tmp_path / "old")
    (tmp_path / "build").mkdir()
    assert "target" in look()


@pytest.mark.row("A08")
def test_a_working_folder_of_another_inode_is_seen(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "build").mkdir(parents=True)
    look = _judge(_bash("rm -rf build", work), tmp_path)
    work.rename(tmp_path / "moved")
    (work / "build").mkdir(parents=True)
    assert "working folder" in look()


@pytest.mark.row("A07")
@pytest.mark.parametrize(
    "command", ["bash clean.sh", "sh ./clean.sh", "python3 clean.sh", "make -f clean.sh", "source clean.sh"]
)
def test_a_script_with_other_content_is_seen(tmp_path: Path, command: str) -> None:
    script = tmp_path / "clean.sh"
    script.write_text("echo one\n")
    look = _judge(_bash(command, tmp_path), tmp_path)
    script.write_text("echo two\n")
    assert "clean.sh" in look()


@pytest.mark.row("A09")
def test_another_program_under_the_same_name_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    look = _judge(_bash("rm -rf build", tmp_path), tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "rm").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "rm").chmod(0o755)
    assert "program rm" in look()


def test_an_edit_of_a_file_that_changed_meanwhile_is_seen(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    settings = tmp_path / ".claude" / "settings.json"
    settings.write_text("{}\n")
    action = Action("Write", canonical({"file_path": str(settings), "content": '{"a": 1}\n'}), str(tmp_path))
    look = _judge(action, tmp_path)
    assert look() == ""
    settings.write_text('{"b": 2}\n')
    assert look() != ""
