"""`gate.act`: the block runs only after a complete allow for this very question; everything else is a no."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from controlroom import gate
from tests.support.home import Home
from tests.support.operator import FakeGate, verdict

Answer = Callable[[dict[str, Any], dict[str, Any]], bytes]
ALLOWED = json.dumps({"receipt": "r1", "by": "operator:ann", "reason": "go"}).encode()


def yes(header: dict[str, Any], payload: dict[str, Any]) -> bytes:
    return verdict(header, "allow", ALLOWED) if header["kind"] == "ask" else verdict(header, "ok", b"")


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONTROLROOM_HOME", str(home.path))
    folder = home.path / "run"
    folder.mkdir()
    return folder


@contextmanager
def answering(folder: Path, answer: Answer) -> Iterator[FakeGate]:
    fake = FakeGate(folder, answer)
    try:
        yield fake
    finally:
        fake.close()


def test_an_allowed_act_is_done_and_its_outcome_told(run: Path) -> None:
    with answering(run, yes) as fake:
        with gate.act("delete", paths=["build", "/x"], reason="clean", cwd="/w") as receipt:
            receipt.note = "2 files"
        assert (receipt.id, receipt.by, receipt.reason) == ("r1", "operator:ann", "go")
    (asked, question), (told, outcome) = fake.seen
    assert asked["kind"] == "ask" and told["kind"] == "outcome" and asked["nonce"] != told["nonce"]
    assert question == {"op": "delete", "paths": ["/w/build", "/x"], "reason": "clean", "argv": [], "cwd": "/w"}
    assert outcome["receipt"] == "r1" and outcome["ok"] is True and outcome["note"] == "2 files"


def test_a_failed_act_is_told_as_failed_and_raises_what_it_raised(run: Path) -> None:
    with answering(run, yes) as fake, pytest.raises(KeyError), gate.act("delete", paths=["/x"]):
        raise KeyError("gone")
    assert fake.seen[1][1]["ok"] is False
    assert "KeyError" in fake.seen[1][1]["note"]


def test_a_denial_keeps_the_block_from_running_and_says_why(run: Path) -> None:
    ran = False
    denying = answering(run, lambda header, _: verdict(header, "deny", b"not today"))
    with denying, pytest.raises(gate.Denied, match="not today"), gate.act("delete", paths=["/x"]):
        ran = True
    assert not ran


BROKEN: dict[str, Answer] = {
    "nothing": lambda header, _: b"",
    "another nonce": lambda header, _: verdict({"nonce": "f" * 32}, "allow", ALLOWED),
    "cut short": lambda header, _: verdict(header, "allow", ALLOWED)[:-5],
    "too long": lambda header, _: verdict(header, "allow", ALLOWED) + b"more",
    "another version": lambda header, _: verdict(header, "allow", ALLOWED).replace(b"controlroom/1", b"controlroom/2"),
    "an unknown verdict": lambda header, _: verdict(header, "perhaps", ALLOWED),
    "an ok instead of an allow": lambda header, _: verdict(header, "ok", ALLOWED),
    "no receipt": lambda header, _: verdict(header, "allow", b"{}"),
    "no JSON": lambda header, _: verdict(header, "allow", b"yes"),
    "a list": lambda header, _: verdict(header, "allow", b"[]"),
    "a negative length": lambda header, _: f"controlroom/1 {header['nonce']} allow -1\n\n".encode(),
    "no line end": lambda header, _: verdict(header, "allow", ALLOWED)[:-1] + b"x",
}


@pytest.mark.row("G08")
@pytest.mark.parametrize("name", BROKEN)
def test_every_answer_that_is_not_a_whole_allow_is_a_no(run: Path, name: str) -> None:
    ran = False
    with answering(run, BROKEN[name]), pytest.raises(gate.GateError), gate.act("delete", paths=["/x"]):
        ran = True
    assert not ran


@pytest.mark.row("G01")
def test_no_gate_is_a_no(run: Path) -> None:
    with pytest.raises(gate.Unavailable, match="cannot be reached"), gate.act("delete", paths=["/x"]):
        pytest.fail("the block ran")


@pytest.mark.row("G17")
def test_the_latch_is_looked_at_before_the_gate(run: Path) -> None:
    (run / "latch").touch()
    with answering(run, yes) as fake, pytest.raises(gate.Denied, match="emergency stop"), gate.act("delete", paths=["/x"]):
        pytest.fail("the block ran")
    assert fake.seen == []


def test_an_act_whose_outcome_is_lost_is_told_after_it_was_done(run: Path) -> None:
    def forget(header: dict[str, Any], payload: dict[str, Any]) -> bytes:
        return verdict(header, "allow", ALLOWED) if header["kind"] == "ask" else b""

    ran = False
    with answering(run, forget), pytest.raises(gate.Unavailable), gate.act("delete", paths=["/x"]):
        ran = True
    assert ran


@pytest.mark.parametrize("home", ["", "relative"])
def test_an_environment_without_places_is_a_no(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("CONTROLROOM_HOME", home)
    monkeypatch.setenv("HOME", "relative")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(gate.Unavailable), gate.act("delete", paths=["/x"]):
        pytest.fail("the block ran")


def test_a_question_that_is_no_text_is_a_no(run: Path) -> None:
    with answering(run, yes) as fake, pytest.raises(gate.Denied, match="UTF-8"), gate.act("delete", paths=["/\udcff"]):
        pytest.fail("the block ran")
    assert fake.seen == []
