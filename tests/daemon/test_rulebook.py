"""The rules that hold are those of the start: a mistake is named and changes nothing, a change waits for an operator."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import controlroom
from controlroom.daemon.rulebook import FOLDER, Rulebook
from controlroom.policy import RuleError
from tests.daemon.test_accepted import alarms
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually

RULE = """
[[rule]]
id = "shredder.all"
program = ["shredder"]
effect = "delete"
tier = "T3"
reason = "Shreds it all."
match = ["shredder"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of rules: the packaged ones about git, and one of a test's own."""
    made = tmp_path / "rules"
    made.mkdir()
    shutil.copy(FOLDER / "git.toml", made)
    (made / "mine.toml").write_text(RULE)
    return made


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (RULE.replace("effect", "efect"), "mine.toml:5: Object contains unknown field `efect`"),
        (RULE + "text = 'a{1,}'\n", "mine.toml:9: rule shredder.all: text: "),
        (RULE.replace('"T3"', "T3"), "mine.toml: Invalid value (at line 6"),
        (RULE.replace("shredder.all", "git.stash-drop"), "mine.toml:3: rule git.stash-drop: id: is used in git.toml too"),
        (b"\xff", "rules cannot be read: 'utf-8' codec"),
        (None, "rules cannot be read: "),
    ],
)
@pytest.mark.row("C01")
def test_a_file_that_cannot_be_used_is_named_and_the_last_good_rules_hold(
    folder: Path, text: str | bytes | None, named: str
) -> None:
    book = Rulebook(folder)
    held, file = book.catalogue, folder / "mine.toml"
    assert book.look() == "" == book.wrong
    if text is None:
        file.unlink()
        file.symlink_to(folder / "nothing")
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    told = book.look()
    assert named in told
    assert told.endswith("; the last good rules hold")
    assert book.look() == "", "it is told once"
    assert (book.wrong, book.catalogue) == (told, held)
    with pytest.raises(RuleError, match=r"mine\.toml|cannot be read"):
        book.accept(book.sha256)
    assert book.catalogue is held
    with pytest.raises(RuleError):
        Rulebook(folder)
    file.unlink()
    file.write_text(RULE)
    assert (book.look(), book.wrong, book.proposal()["state"]) == ("", "", "ok")


@pytest.mark.row("C02", "C03")
def test_a_change_waits_and_only_what_was_shown_is_taken(folder: Path) -> None:
    book = Rulebook(folder)
    before = book.sha256
    (folder / "mine.toml").write_text(RULE.replace("T3", "T2"))
    assert "config accept" in book.look()
    assert book.catalogue.knows("shredder")
    shown = book.proposal()
    assert '-tier = "T3"\n+tier = "T2"\n' in str(shown["diff"])
    (folder / "mine.toml").write_text(RULE.replace("shredder", "crusher"))
    with pytest.raises(RuleError, match="changed since they were shown"):
        book.accept(str(shown["sha256"]))
    assert book.sha256 == before
    book.accept(str(book.proposal()["sha256"]))
    assert book.catalogue.knows("crusher")
    assert not book.catalogue.knows("shredder")
    assert (book.look(), book.wrong) == ("", "")


def test_no_rules_at_all_are_no_rules_to_judge_by(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(RuleError, match="there are no rules"):
        Rulebook(folder)
    with pytest.raises(RuleError, match="cannot be read"):
        Rulebook(tmp_path / "nowhere")


def _pinned_by(daemon: Daemon) -> list[str]:
    """Who said which rules hold, oldest first."""
    pins = [record["body"] for record in daemon.records() if record["kind"] == "config"]
    return [pin["by"].split(":")[0] for pin in pins if pin["what"] == "rules"]


@pytest.mark.row("C01", "C03", "A16")
def test_a_daemon_whose_rules_are_changed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(controlroom.__file__).parent, tmp_path / "controlroom")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rules = tmp_path / "controlroom/policy/rules"
    daemon = daemons.start(home)
    try:
        (rules / "mine.toml").write_text(RULE.replace("reason", "raeson"))
        eventually(lambda: "raeson" in daemon.call("status")["rules"], 20, "the mistake is told")
        assert f"{rules}/mine.toml:7: Object contains unknown field `raeson`" in daemon.call("status")["rules"]
        assert "raeson" in daemon.call("view")["status"]["settings"], "the room shows it"
        eventually(lambda: any("raeson" in text for text in alarms(daemon, "rules")), 20, "the journal has it")
        assert daemon.bash("git status").answer()[0] == "allow", "the last good rules hold"
        (rules / "mine.toml").write_text(RULE)
        eventually(lambda: "config accept" in daemon.call("status")["rules"], 20, "a change waits")
        assert daemon.bash("shredder").answer()[0] == "allow", "nobody has taken it"
        command = [sys.executable, "-m", "controlroom", "config", "accept", "--yes"]
        took = subprocess.run(command, env=home.env, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        assert "+reason = " in took.stdout
        assert "these rules are in force" in took.stdout
        daemon.bash("shredder")
        assert daemon.pending()[0]["tier"] == "T3"
        eventually(lambda: _pinned_by(daemon) == ["first start", "operator"], 20, "the journal pins them")
    finally:
        daemons.stop(daemon)
    (rules / "mine.toml").write_text(RULE.replace('"T3"', '"T1"'))
    after = daemons.start(home)
    try:
        eventually(lambda: any("not those of the daemon before" in t for t in alarms(after, "rules")), 20, "it is said")
        daemons.stop(after)
        (rules / "mine.toml").write_text(RULE.replace('"T3"', '"T5"'))
        refused = daemons.launch(home)
        assert refused.wait(30) == 1
        assert f"{rules}/mine.toml:6: " in (home.path / "daemon.log").read_text()
    finally:
        daemons.stop(after)
