"""gate.sock with a real daemon: what is held, what is denied, and that nothing is lost beside it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.support.daemon import NONCE, Daemon, header
from tests.support.waiting import eventually

ASK = b'{"op":"delete","paths":["/x"],"reason":"r","cwd":"/"}'


def test_a_destructive_call_is_held_and_runs_only_on_the_operators_word(daemon: Daemon) -> None:
    (daemon.workspace / "build").mkdir()
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    assert row["tier"] in ("T2", "T3")
    assert row["argv"] == [["rm", "-rf", "build"]]
    assert row["targets"][0]["path"] == str(daemon.workspace / "build")
    daemon.call("allow", id=row["id"], digest=row["digest"])
    verdict, body = asker.answer()
    assert verdict == "allow"
    assert json.loads(body)["hookSpecificOutput"]["permissionDecision"] == "allow"


def test_a_denial_carries_the_operators_reason(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.call("deny", id=row["id"], reason="keep the cache")
    verdict, body = asker.answer()
    assert verdict == "deny"
    assert "keep the cache" in body


def test_harmless_work_passes_without_loosening_the_agents_own_rules(daemon: Daemon) -> None:
    verdict, body = daemon.bash("ls -la").answer()
    assert verdict == "allow"
    assert "permissionDecision" not in json.loads(body).get("hookSpecificOutput", {})


@pytest.mark.row("A01")
@pytest.mark.row("A02")
def test_a_wrong_digest_is_refused_recorded_and_leaves_the_request_pending(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    with pytest.raises(Exception, match="digest"):
        daemon.call("allow", id=row["id"], digest="0" * 64)
    assert [r["id"] for r in daemon.pending()] == [row["id"]]
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "refused"], 20, "the refusal is in the journal")


@pytest.mark.row("A04")
def test_answers_go_to_the_request_they_name_in_either_order(daemon: Daemon) -> None:
    first, second = daemon.bash("rm a", "call_1"), daemon.bash("rm b", "call_2")
    rows = {r["call"]: r for r in daemon.pending(2)}
    daemon.call("allow", id=rows["call_2"]["id"], digest=rows["call_2"]["digest"])
    assert second.answer()[0] == "allow"
    daemon.call("deny", id=rows["call_1"]["id"])
    assert first.answer()[0] == "deny"


@pytest.mark.row("A05")
@pytest.mark.parametrize("field", ["approved", "tier", "decision", "operator", "digest", "id", "session"])
def test_a_message_that_answers_itself_is_rejected_and_recorded(daemon: Daemon, field: str) -> None:
    body = json.loads(ASK) | {field: "allow"}
    verdict, reason = daemon.connect().say(header("ask"), json.dumps(body).encode()).answer()
    assert (verdict, field in reason) == ("deny", True)
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "gate.rejected"], 20, "it is in the journal")


@pytest.mark.row("A07")
def test_a_script_that_is_rewritten_after_it_was_shown_does_not_run(daemon: Daemon) -> None:
    script = daemon.workspace / "clean.sh"
    script.write_text("rm -rf build\n")
    asker = daemon.ask("exec", (str(script),), argv=["sudo", "bash", str(script)])
    (row,) = daemon.pending()
    script.write_text("rm -rf /\n")
    with pytest.raises(Exception, match="changed"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    verdict, reason = asker.answer()
    assert verdict == "deny"
    assert "clean.sh has other content now" in reason


@pytest.mark.row("A08")
def test_a_parent_that_is_swapped_after_it_was_shown_is_not_followed(daemon: Daemon) -> None:
    real, other = daemon.workspace / "real", daemon.workspace / "other"
    (real / "build").mkdir(parents=True)
    (other / "build").mkdir(parents=True)
    link = daemon.workspace / "link"
    link.symlink_to(real)
    asker = daemon.bash("rm -rf link/build")
    (row,) = daemon.pending()
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(Exception, match="changed"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    assert asker.answer()[0] == "deny"


@pytest.mark.row("A19")
def test_an_allow_for_an_asker_that_is_gone_is_void(daemon: Daemon) -> None:
    asker = subprocess.Popen([sys.executable, "-c", CHILD, str(daemon.places.gate_sock), str(daemon.workspace)])
    (row,) = daemon.pending()
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    eventually(lambda: not daemon.call("pending"), 20, "the request is void")
    with pytest.raises(Exception, match="already void"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    assert not daemon.call("grants")
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "undelivered"], 20, "the journal tells")


CHILD = """
import socket, sys, json, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b'{"v":1,"nonce":"0123456789abcdef0123456789abcdef","kind":"ask"}\\n')
s.sendall(json.dumps({"op": "delete", "paths": ["/x"], "reason": "r", "cwd": sys.argv[2]}).encode() + b"\\n")
time.sleep(60)
"""


@pytest.mark.row("G10")
def test_an_asker_that_hangs_up_early_leaves_nothing_behind(daemon: Daemon) -> None:
    daemon.bash("rm a").hang_up()
    daemon.connect().say(header("ask")).hang_up()
    daemon.connect().hang_up()
    eventually(lambda: not daemon.call("pending"), 20, "nothing is pending")
    assert daemon.bash("ls").answer()[0] == "allow"


BAD = {
    "no JSON": (header("ask"), b"rm -rf /"),
    "not an object": (header("ask"), b"[1]"),
    "wrong type": (header("ask"), b'{"op":1,"paths":[],"reason":"r","cwd":"/"}'),
    "NaN": (header("ask"), b'{"op":NaN,"paths":[],"reason":"r","cwd":"/"}'),
    "duplicate key": (header("ask"), b'{"op":"read","op":"delete","paths":[],"reason":"r","cwd":"/"}'),
    "deep": (header("ask"), b'{"op":' + b"[" * 5000 + b"]" * 5000 + b',"paths":[],"reason":"r","cwd":"/"}'),
    "lone surrogate": (header("ask"), b'{"op":"delete","paths":["\\ud800"],"reason":"r","cwd":"/"}'),
    "NUL": (header("ask"), b'{"op":"delete","paths":["a\\u0000b"],"reason":"r","cwd":"/"}'),
    "not UTF-8": (header("ask"), b'{"op":"delete","paths":["\xff"],"reason":"r","cwd":"/"}'),
    "relative cwd": (header("ask"), b'{"op":"delete","paths":[],"reason":"r","cwd":"x"}'),
    "wrong version": (header("ask").replace(b'"v": 1', b'"v": 2'), ASK),
    "unknown kind": (header("beg"), ASK),
    "unknown header key": (header("ask", trusted=True), ASK),
    "unknown agent": (header("hook", agent="nobody", event="PreToolUse"), b"{}"),
    "header no JSON": (b"hello", ASK),
    "huge header": (b"x" * 5000, ASK),
}


@pytest.mark.row("G08")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_denied_with_its_reason_and_others_go_on(daemon: Daemon, name: str) -> None:
    held = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    verdict, reason = daemon.connect().say(*BAD[name]).answer()
    assert verdict == "deny"
    assert len(reason) > 10, "a denial says why"
    assert [r["id"] for r in daemon.pending()] == [row["id"]]
    daemon.call("allow", id=row["id"], digest=row["digest"])
    assert held.answer()[0] == "allow"
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "gate.rejected"], 20, "the journal tells")


@pytest.mark.row("G08")
def test_a_hundred_megabytes_are_denied_without_being_read(daemon: Daemon) -> None:
    asker = daemon.connect().say(header("ask"))
    chunk, sent = b"x" * (1 << 20), 0
    try:
        while sent < 100:
            asker.sock.sendall(chunk)
            sent += 1
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert sent < 100, "the daemon hung up long before"
    assert daemon.bash("ls").answer()[0] == "allow"


@pytest.mark.row("G09")
def test_a_slow_sender_is_cut_off_and_delays_nobody(daemon: Daemon) -> None:
    slow = daemon.connect()
    slow.sock.sendall(header("ask")[:10])
    assert daemon.bash("ls").answer()[0] == "allow"
    verdict, reason = slow.answer()
    assert verdict == "deny"
    assert "no complete message" in reason


@pytest.mark.row("G11")
def test_a_claimed_identity_gives_nothing(daemon: Daemon) -> None:
    daemon.bash("rm -rf build", session_id="root", agent_id="controlroom")
    daemon.pending()
    (agent,) = daemon.call("agents")
    assert (agent["kind"], agent["label"], agent["supervised"]) == ("unknown", "ADVISORY", False)
    with pytest.raises(Exception, match="no grant"):
        daemon.call("grant", name=agent["name"], effects=["delete"], path="/", uses=5, seconds=60)


@pytest.mark.row("A18", "E11")
def test_a_hold_that_expires_is_a_denial(daemon: Daemon) -> None:
    config = daemon.places.config / "config.toml"
    config.write_text("[hold]\nseconds = 1\n")
    again = _restart(daemon)
    verdict, reason = again.bash("rm -rf build").answer()
    assert verdict == "deny"
    assert "no operator answered" in reason
    assert "ask again" in reason


def _restart(daemon: Daemon) -> Daemon:
    from tests.support import daemon as daemons

    daemon.process.terminate()
    daemon.process.wait(10)
    daemon.process = daemons.start(daemon.home).process
    return daemon


def test_the_probe_is_always_denied_and_never_a_request(daemon: Daemon) -> None:
    verdict, reason = daemon.connect().say(header("probe"), b"{}").answer()
    assert (verdict, reason) == ("deny", "probe: the gate answers")
    assert not daemon.call("receipts")


def test_more_than_one_message_on_a_connection_is_refused(daemon: Daemon) -> None:
    assert daemon.connect().say(header("ask"), ASK, ASK).answer()[0] == "deny"


def test_the_answer_names_the_askers_nonce(daemon: Daemon) -> None:
    asker = daemon.connect().say(header("probe"), b"{}")
    asker.sock.settimeout(5)
    assert asker.sock.recv(4096).split(b" ")[1] == NONCE.encode()


def test_too_much_to_judge_is_denied(daemon: Daemon) -> None:
    files = " ".join(f"/etc/{'x' * 60}{n}" for n in range(2000))
    verdict, reason = daemon.bash(f"rm -f {files}").answer()
    assert verdict == "deny"
    assert reason


@pytest.mark.row("S03")
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to connect as another user")
def test_another_user_is_turned_away_before_a_byte_is_read(daemon: Daemon) -> None:
    for path, mode in ((daemon.places.gate_sock, 0o666), (daemon.places.operator_sock, 0o666)):
        for parent in (daemon.home.path.parent, daemon.home.path, daemon.places.runtime):
            parent.chmod(0o711)
        path.chmod(mode)
        command = [sys.executable, "-c", OTHER, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.stdout.strip() == "b''", done.stdout + done.stderr
    assert daemon.bash("ls").answer()[0] == "allow"


OTHER = """
import os, socket, sys
os.setgid(60001); os.setuid(60001)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(5)
try:
    print(s.recv(100))
except ConnectionResetError:
    print(b"")
"""


@pytest.mark.row("A22")
@pytest.mark.parametrize(("content", "tier"), [("import shutil\nshutil.rmtree('build')\n", "T2"), ("exec(input())\n", "T3")])
def test_a_file_that_the_session_wrote_is_looked_into_when_it_is_run(daemon: Daemon, content: str, tier: str) -> None:
    body = {
        "session_id": "s", "transcript_path": "/t", "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse",
        "tool_name": "Write", "tool_use_id": "w",
        "tool_input": {"file_path": str(daemon.workspace / "x.py"), "content": content},
    }  # fmt: skip
    asker = daemon.connect().say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
    assert asker.answer()[0] == "allow"
    (daemon.workspace / "x.py").write_text(content)
    (daemon.workspace / "old.py").write_text(content)
    assert daemon.bash("python3 old.py", "call_1").answer()[0] == "allow"
    daemon.bash("python3 x.py", "call_2")
    (row,) = daemon.pending()
    assert (row["call"], row["tier"]) == ("call_2", tier)


def test_what_policy_lets_through_is_never_shown_as_pending(daemon: Daemon) -> None:
    askers = [daemon.bash(f"ls {n}", f"call_{n}") for n in range(40)]
    seen = [row for _ in range(40) for row in daemon.call("pending")]
    assert all(asker.answer()[0] == "allow" for asker in askers)
    assert seen == []
