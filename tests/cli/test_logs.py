"""`logs`: an agent's events and the lines of its logs, as one stream or one log by itself, with and without a daemon."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controlroom.daemon.story import MOST_ROWS
from controlroom.model.view import LineView, LogSource, RoomView, StoryView
from controlroom.storage import logbook
from controlroom.storage.logbook import Listed
from controlroom.tui.render import log as log_tab
from tests.cli.conftest import Cli
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

SLEEPER = ("sh", "-c", "echo from the terminal; exec sleep 300")
KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def app(cli: Cli, daemon: Daemon) -> Path:
    """The log of an agent `a` that runs; the daemon has seen it."""
    log = cli.cwd / "app.log"
    log.write_text("2026-11-26 12:00:00 INFO one\n2026-11-26 12:00:01 ERROR two\n")
    cli.ok("run", "--detach", "--name", "a", "--log", "app.log", "--", *SLEEPER)
    eventually(lambda: "from the terminal" in cli.ok("logs", "a"), 20, "the terminal's line comes")
    return log


def lines(cli: Cli, *words: str) -> list[str]:
    return cli.ok("logs", "a", *words).splitlines()


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


@pytest.fixture
def follow(cli: Cli) -> Callable[..., Callable[[str], None]]:
    """Starts `logs NAME -f WORDS`; gives what waits for a text of it."""

    def start(*words: str, name: str = "a") -> Callable[[str], None]:
        process = cli.start("logs", name, "-f", *words)
        assert process.stdout is not None
        pipe, said = process.stdout.fileno(), bytearray()
        os.set_blocking(pipe, False)

        def look(text: str) -> bool:
            with contextlib.suppress(BlockingIOError):
                said.extend(os.read(pipe, 1 << 16))
            return text.encode() in said

        def says(text: str) -> None:
            eventually(lambda: look(text), 20, f"{text!r} is printed")

        return says

    return start


def test_the_stream_holds_events_terminal_and_logs_in_their_order(cli: Cli, app: Path) -> None:
    rows: list[dict[str, Any]] = cli.json("logs", "a")
    texts = [row["text"] for row in rows]
    assert texts.index("2026-11-26 12:00:00 INFO one") < texts.index("2026-11-26 12:00:01 ERROR two")
    assert any("a begins, SUPERVISED" in text for text in texts)
    assert all(row["id"] for row in rows)
    (error,) = [row for row in rows if row["level"] == "error"]
    assert (error["log"], error["id"]) == (str(app), f"{app}:29")
    assert lines(cli, "--log", "app.log", "--lines", "1") == ["2026-11-26 12:00:01 ERROR two"]
    assert [row["text"] for row in cli.json("logs", "a", "--search", "two")] == ["2026-11-26 12:00:01 ERROR two"]


def test_without_a_daemon_the_files_tell(
    cli: Cli, app: Path, daemon: Daemon, follow: Callable[..., Callable[[str], None]]
) -> None:
    daemon.kill()
    texts = [row["text"] for row in cli.json("logs", "a")]
    assert any("a begins, SUPERVISED" in text for text in texts)
    assert "2026-11-26 12:00:00 INFO one" in texts
    assert any("from the terminal" in text for text in texts)
    says = follow("--json")
    says("ERROR two")
    append(app, "more\n")
    says('"more"}')


@pytest.fixture
def old(cli: Cli) -> Path:
    """The log of an agent `a` that is long gone; no daemon runs."""
    log = cli.cwd / "app.log"
    log.write_text("one\nERROR two\n")
    agents = cli.home.path / "state" / "agents"
    agents.mkdir(parents=True, mode=0o700)
    logbook.save(agents, Listed("s1", "a", "process", (LogSource(str(log), "run"),)))
    return log


@pytest.mark.row("R14")
def test_one_log_by_itself_is_printed_as_it_is_but_for_secrets_and_controls(cli: Cli, old: Path) -> None:
    append(
        old, f"key {KEY}\n\x1b[2Jgone\r\n-----BEGIN RSA PRIVATE KEY-----\nTUlJRW93\nRW93TUlJ\n-----END RSA PRIVATE KEY-----\n"
    )
    assert lines(cli, "--log", "app.log", "--lines", "5") == [
        "\\u{1b}[2Jgone",
        "<redacted:private-key:31>",
        "<redacted:private-key:8>",
        "<redacted:private-key:8>",
        "-----END RSA PRIVATE KEY-----",
    ]
    assert lines(cli, "--log", "app.log", "--lines", "2")[0] == "<redacted:private-key:8>", "its begin is not on the page"
    assert lines(cli, "--log", "app.log", "--search", "key A") == ["key <redacted:aws-key:20>"]


@pytest.mark.row("R14")
def test_a_private_key_that_is_written_line_by_line_is_in_no_line_of_the_stream(cli: Cli, app: Path) -> None:
    written = ("-----BEGIN RSA PRIVATE KEY-----\n", "TUlJRW93\n", "RW93TUlJ\n", "half of it ")
    for part in written:
        before = of_log(cli)
        append(app, part)
        eventually(partial(newer, cli, before), 20, "it stands in the stream")
    shown = ["<redacted:private-key:31>", "<redacted:private-key:8>", "<redacted:private-key:8>"]
    assert of_log(cli)[:3] == shown
    assert "half" not in of_log(cli)[3], "nor is what has no end yet"
    append(app, "\n-----END RSA PRIVATE KEY-----\nafter it\n")
    eventually(lambda: of_log(cli)[-1] == "after it", 20, "what comes behind it is shown")
    assert of_log(cli) == [*shown, "<redacted:private-key:11>", "-----END RSA PRIVATE KEY-----", "after it"]


def newer(cli: Cli, before: list[str]) -> bool:
    return of_log(cli) != before


def of_log(cli: Cli) -> list[str]:
    """What the merged stream has of what was added to the log."""
    return [row["text"] for row in cli.json("logs", "a") if row["log"].endswith("app.log")][2:]


@pytest.mark.row("R01")
def test_the_last_lines_reach_over_a_rotation_and_a_search_over_all(cli: Cli, old: Path) -> None:
    append(old, "".join(f"line {n}\n" for n in range(5_000)))
    assert lines(cli, "--log", "app.log", "--search", "error TWO") == ["ERROR two"]
    assert len(lines(cli, "--log", "app.log")) == 100
    old.rename(f"{old}.1")
    old.write_text("three\n")
    done = cli.run("logs", "a", "--log", "app.log", "--lines", "2")
    assert done.stdout.splitlines() == ["line 4999", "three"]
    assert "the first 1 lines are from before a rotation" in done.stderr


def test_what_is_not_known_is_said_with_what_is(cli: Cli, old: Path) -> None:
    assert "no agent b is known; there are: a" in cli.fails(1, "logs", "b")
    logbook.save(cli.home.path / "state" / "agents", Listed("s9", "c\ncontrolroom: all is well", "process", ()))
    assert len(cli.fails(1, "logs", "b").splitlines()) == 1, "a name begins no line of ours"
    assert "x.log is none of its logs; a has: " in cli.fails(2, "logs", "a", "--log", "x.log")
    assert "must be part of one line" in cli.fails(2, "logs", "a", "--search", "two\nlines")
    assert "from 0 to 100,000" in cli.fails(2, "logs", "a", "--lines", "100001")


@pytest.mark.row("R05")
def test_a_log_that_became_a_link_is_not_read(cli: Cli, old: Path) -> None:
    old.unlink()
    assert "app.log: there is no such file" in cli.run("logs", "a", "--log", "app.log").stderr
    old.symlink_to("/etc/passwd")
    refused = cli.run("logs", "a", "--log", "app.log")
    assert refused.stdout == ""
    assert "cannot be read" in refused.stderr


def test_following_goes_on_with_what_comes(cli: Cli, app: Path, follow: Callable[..., Callable[[str], None]]) -> None:
    merged, alone = follow(), follow("--log", "app.log", "--lines", "1")
    merged("ERROR two")
    alone("ERROR two\n")
    append(app, "a line\n")
    merged("a line")
    alone("a line\n")
    app.rename(f"{app}.1")
    app.write_text("after the rotation\n")
    merged("after the rotation")
    alone("after the rotation\n")
    cli.ok("pause", "a")
    merged("freeze, by operator")


@pytest.mark.row("R06")
def test_a_question_without_a_line_feed_is_printed_while_it_waits_and_no_text_twice(
    cli: Cli, app: Path, follow: Callable[..., Callable[[str], None]]
) -> None:
    merged, alone, objects = follow(), follow("--log", "app.log"), follow("--json")
    append(app, "Proceed? [y/N] ")
    merged("[no end yet] Proceed? [y/N] \n")
    alone("[no end yet] Proceed? [y/N] \n")
    objects('"open": true')
    eventually(lambda: "[no end yet] Proceed?" in cli.ok("logs", "a"), 20, "those who only look see it too")
    append(app, "yes\n")
    merged("... yes\n")
    alone("... yes\n")
    objects("Proceed? [y/N] yes")
    assert [line.split("  ")[-1].strip() for line in lines(cli) if "Proceed" in line] == ["Proceed? [y/N] yes"]
    append(app, f"it is {KEY} and more ")
    merged("[no end yet] it is <redacted:aws-key:20> and more \n")


@pytest.mark.row("R06")
def test_without_a_daemon_a_question_without_a_line_feed_is_printed_too(
    cli: Cli, old: Path, follow: Callable[..., Callable[[str], None]]
) -> None:
    merged = follow()
    merged("ERROR two")
    append(old, "Proceed? [y/N] ")
    merged("[no end yet] Proceed? [y/N] \n")
    append(old, "yes\n")
    merged("... yes\n")


def test_logs_of_the_settings_and_folders_belong_to_every_agent(cli: Cli) -> None:
    config = cli.home.path / "config"
    config.mkdir(parents=True, exist_ok=True, mode=0o700)
    (config / "config.toml").write_text('[logs]\nfiles = ["./logs/*.log"]\n')
    (cli.cwd / "logs").mkdir()
    (cli.cwd / "many").mkdir()
    (cli.cwd / "many" / "1.txt").write_text("from a folder\n")
    cli.ok("run", "--detach", "--name", "a", "--log", "many", "--log", "later.log", "--", *SLEEPER)
    (cli.cwd / "logs" / "x.log").write_text("from the settings\n")
    (cli.cwd / "later.log").write_text("from one that came later\n")

    def all_there() -> bool:
        said = cli.ok("logs", "a")
        return all(f"from {what}" in said for what in ("a folder", "the settings", "one that came later", "the terminal"))

    eventually(all_there, 20, "every log is followed")
    assert json.loads(cli.ok("logs", "a", "--log", "x.log", "--json"))[0]["text"] == "from the settings"


class Claude:
    """A hook session of Claude Code with a transcript and a log of the settings; its daemon runs."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon, self.transcript, self.log = daemon, daemon.home.user / "s1.jsonl", daemon.workspace / "app.log"
        self.transcript.touch()
        self.log.write_text("WARN from its log\n")
        assert daemon.bash("ls", "toolu_1", transcript_path=str(self.transcript)).answer()[0] == "allow"
        [row] = daemon.call("agents")
        self.session, self.name = row["id"], row["name"]
        eventually(lambda: len(daemon.call("logs", session=self.session)) == 2, 20, "both logs are followed")

    def tells(self, *blocks: dict[str, object], by: str = "assistant") -> None:
        said = {"type": by, "message": {"id": "m1", "role": by, "content": list(blocks)}}
        append(self.transcript, json.dumps({**said, "timestamp": "2026-11-26T12:00:00Z"}) + "\n")

    def calls(self, call: str, command: str) -> None:
        self.tells({"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}})

    def ends(self, call: str) -> None:
        self.tells({"type": "tool_result", "tool_use_id": call, "content": "x"}, by="user")

    def tab(self) -> list[tuple[str, str, str]]:
        """The rows of the Log tab in the room: gate, what it says, outcome."""
        view = msgspec.convert(self.daemon.call("view"), RoomView)
        told = msgspec.convert(self.daemon.call("story", session=self.session), StoryView)
        [agent] = view.agents
        answer = self.daemon.call("log_lines", session=self.session, paths=agent.stream)
        lines = msgspec.convert(answer["lines"], tuple[LineView, ...])
        rows = log_tab.select(view, self.session, "", told, lines)
        return [("", r.text, "") if isinstance(r, LineView) else (r.gate, r.text, r.outcome) for r in rows]


@pytest.fixture
def claude(cli: Cli) -> Iterator[Claude]:
    config = cli.home.path / "config"
    config.mkdir(parents=True, exist_ok=True, mode=0o700)
    (config / "config.toml").write_text('[logs]\nfiles = ["./app.log"]\n')
    daemon = daemons.start(cli.home)
    yield Claude(daemon)
    daemons.stop(daemon)


def printed(cli: Cli, name: str) -> list[tuple[str, str, str]]:
    return [(row["gate"], row["text"], row["outcome"]) for row in cli.json("logs", name)]


def test_it_prints_the_rows_of_the_log_tab(cli: Cli, claude: Claude) -> None:
    claude.tells({"type": "text", "text": "allowed by operator:op, T2"})
    claude.calls("toolu_1", "ls")
    claude.calls("toolu_2", "rm -rf /")
    claude.ends("toolu_1")
    call, past = ("allowed by policy, T0", "Bash ls", "done"), ("UNGATED", "Bash rm -rf /", "")
    line, speaks = ("", "WARN from its log", ""), ("", "allowed by operator:op, T2", "")
    eventually(lambda: {call, past, line, speaks} <= set(claude.tab()), 20, "the daemon has seen all of it")
    eventually(lambda: printed(cli, claude.name) == claude.tab(), 20, "both show the same rows")
    said = cli.ok("logs", claude.name)
    assert "  call         " in said and "[allowed by policy, T0] Bash ls -> done" in said
    assert "  speaks             allowed by operator:op, T2" in said, "no brackets: in them stands our record alone"
    claude.daemon.kill()
    assert {call, past, line, speaks} <= set(printed(cli, claude.name)), "the journal and the logs tell the same"
    assert "no daemon has this session now" in cli.run("logs", claude.name).stderr
    assert [row["text"] for row in cli.json("logs", claude.name, "--search", "rm -RF")][:1] == ["Bash rm -rf /"]


def test_a_call_that_is_followed_is_told_again_with_its_end(
    cli: Cli, claude: Claude, follow: Callable[..., Callable[[str], None]]
) -> None:
    says = follow(name=claude.name)
    says("WARN from its log")
    claude.calls("toolu_1", "ls")
    says("[allowed by policy, T0] Bash ls\n")
    claude.ends("toolu_1")
    says("[allowed by policy, T0] Bash ls -> done\n")
    append(claude.log, "one more\n")
    says("one more\n")


def test_a_search_covers_all_of_the_story_with_and_without_a_daemon(cli: Cli, claude: Claude) -> None:
    claude.tells({"type": "text", "text": 'a needle, with "quotes" and ü'})
    claude.calls("toolu_1", "ls")
    claude.ends("toolu_1")
    for number in range(MOST_ROWS + 50):
        claude.tells({"type": "text", "text": f"straw {number}"})
    eventually(lambda: any("straw 449" in row[1] for row in claude.tab()), 20, "all of it is read")
    assert not any("needle" in row[1] for row in claude.tab())

    def found(*words: str) -> list[str]:
        return [row["text"] for row in cli.json("logs", claude.name, *words)]

    for _ in ("by the daemon", "without one"):
        assert found("--search", 'NEEDLE, with "quotes" and ü') == ['a needle, with "quotes" and ü']
        assert found("--search", "bash ls") == ["Bash ls"]
        assert found("--search", "straw", "--lines", "3") == ["straw 447", "straw 448", "straw 449"]
        assert len(found("--lines", "1000")) > MOST_ROWS + 50
        claude.daemon.kill()


def test_following_outlives_the_daemon_and_sees_what_the_next_one_writes_down(
    cli: Cli, claude: Claude, follow: Callable[..., Callable[[str], None]]
) -> None:
    says = follow(name=claude.name)
    says("WARN from its log")
    claude.daemon.kill()
    append(claude.log, "while there is none\n")
    says("while there is none\n")
    claude.tells({"type": "text", "text": "and in its own log"})
    says("and in its own log\n")
    claude.daemon.process = daemons.start(cli.home).process
    says("gone when the daemon came back")


def test_what_is_no_longer_kept_is_counted_and_read_from_the_file(cli: Cli, claude: Claude) -> None:
    append(claude.log, "".join(f"line {n}\n" for n in range(1_000)))

    def dropped() -> bool:
        [log] = [row for row in claude.daemon.call("logs", session=claude.session) if row["origin"] == "config"]
        return bool(log["lines"] == 1_001 and log["dropped"])

    eventually(dropped, 20, "the ring is full")
    done = cli.run("logs", claude.name, "--lines", "500")
    assert f"lines that the daemon does not keep any more: {claude.log} 801 of 1,001." in done.stderr
    lines = [row["text"] for row in cli.json("logs", claude.name, "--lines", "500") if row["kind"] == "line"]
    assert len(lines) > 480 and lines == [f"line {n}" for n in range(1_000 - len(lines), 1_000)], "none is missing, none twice"
