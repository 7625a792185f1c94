"""Planted secrets are in none of the files that we write (S18, R14), but for the copies of files that undo needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

SECRETS = {
    "a token": "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k",
    "a password in a URL": "hunter2-in-a-url",
    "a value beside its name": "hunter2-beside-its-name",
    "a bearer": "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA",
    "an AWS key": "AKIA" + "QYLPMN5HHHFPZAM2",
    "a private key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",
    "a password of a program": "hunter2-after-a-flag",
}


def planted() -> list[str]:
    s = SECRETS
    return [
        f"curl -H 'Authorization: Bearer {s['a bearer']}' https://me:{s['a password in a URL']}@example.org/",
        f"GITHUB_TOKEN={s['a token']} git push",
        f"AWS_ACCESS_KEY_ID={s['an AWS key']} aws s3 rm s3://bucket --recursive",
        f"db_password={s['a value beside its name']} ./migrate && rm -rf build",
        f"tool --password {s['a password of a program']} run",
        f"cat > k <<E\n-----BEGIN PRIVATE KEY-----\n{s['a private key']}\n-----END PRIVATE KEY-----\nE",
    ]


@pytest.mark.row("R14")
def test_no_planted_secret_is_in_any_file_that_we_write(daemon: Daemon) -> None:
    askers = [daemon.bash(command, f"call_{n}", says=command) for n, command in enumerate(planted())]
    for number, command in enumerate(planted()):
        askers.append(daemon.ask("delete", (str(daemon.workspace / f"f{number}"),), reason=command, argv=["sh", "-c", command]))
    eventually(lambda: _answered(daemon) >= len(askers), 60, "every request is judged")
    for row in daemon.call("pending"):
        daemon.call("deny", id=row["id"], reason=f"the reason quotes {SECRETS['a token']}")
    (daemon.places.state / "claims" / "script.jsonl").write_text("".join(f"{command!r}\n" for command in planted()))
    eventually(lambda: _journal(daemon).count(b'"kind":"claimed"') == len(planted()), 60, "every claim is recorded")
    for words in (["pending", "--json"], ["receipts", "--json"], ["receipts"], ["agents"]):
        assert _secrets(_printed(daemon, *words)) == [], words
    daemons.stop(daemon)
    theirs = {"snapshots", "claims"}  # copies of files, and files of others
    written = [path for path in daemon.home.path.rglob("*") if path.is_file() and not theirs & set(path.parts)]
    assert {"00000001.jsonl", "reserve", "lock", "redaction-key", "daemon.log"} <= {path.name for path in written}
    assert [(path.name, what) for path in written for what in _secrets(path.read_bytes())] == []
    assert b"<redacted:" in _journal(daemon)
    for form in ("jsonl", "csv"):
        exported = _printed(daemon, "audit", "export", "--format", form)
        assert b"<redacted:" in exported and _secrets(exported) == [], form


def _secrets(text: bytes) -> list[str]:
    """Which of them are in it."""
    return [what for what, secret in SECRETS.items() if secret.encode() in text]


def _printed(daemon: Daemon, *words: str) -> bytes:
    """What a command of ours prints."""
    command = [sys.executable, "-m", "controlroom", *words]
    return subprocess.run(command, env=daemon.home.env, capture_output=True, timeout=50, check=True).stdout


@pytest.mark.row("J18")
def test_that_two_calls_held_the_same_secret_can_be_seen_in_the_journal_also_after_a_restart(daemon: Daemon) -> None:
    def call(number: int) -> None:
        daemon.bash(f"GITHUB_TOKEN={SECRETS['a token']} ls {number}", f"call_{number}").answer()

    call(1)
    daemons.stop(daemon)
    daemon.process = daemons.start(daemon.home).process
    call(2)
    intents = [str(r["body"]["action"]["input"]) for r in daemon.records() if r["kind"] == "intent"]
    marks = [re.findall(r"<redacted:[a-z-]+:[0-9]+:([0-9a-f]{16})>", text) for text in intents]
    assert len(marks) == 2 and marks[0] == marks[1] != []


def _answered(daemon: Daemon) -> int:
    return _journal(daemon).count(b'"kind":"intent"')


def _journal(daemon: Daemon) -> bytes:
    return b"".join(Path(file).read_bytes() for file in sorted(daemon.places.journal.glob("*.jsonl")))
