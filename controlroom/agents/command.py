"""The shell command that an agent runs as its hook: our client, wrapped so that every failure of it denies (G03)."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

import controlroom.hook
from controlroom.hook import OBSERVATIONS, PROBE, TELLING

UNAVAILABLE = "controlroom: gate unavailable"  # what the wrapper and the client say where no gate answered
ANSWERED = "controlroom: probe:"  # how the line begins when the daemon itself denied the probe
# 2 is a denial that has said why (the client's own, or the interpreter that finds no file); every other end gets our line.
GATE_TAIL = f'|| case $? in 2) exit 2;; *) echo "{UNAVAILABLE}" >&2; exit 2;; esac'
DENIALS = tuple(head.encode() for head in TELLING.values())  # how what the client prints beside a denial begins
# Said before the client is asked, for agents that run a call whose hook was killed or said nothing. Gemini CLI reads standard
# error only where standard output is empty, so an answer takes its place.
FIRST = {"gemini": f"echo '{TELLING['gemini']}\"{UNAVAILABLE}\"}}' >&2; "}
OBSERVED_TAIL = "|| : controlroom"  # the word does nothing but say whose it is


class Ungated(ValueError):
    """A command line would start the agent without the gate; the text says which part and what to do."""


class Probed(msgspec.Struct, frozen=True):
    """What came of running an installed command with a probe: `closed` = it denied with our line (what must hold always),
    `answered` = the daemon itself answered. `status`: exit status; `line`: what it said, cut to 500 characters.
    """

    closed: bool
    answered: bool
    status: int
    line: str


def hook_file() -> Path:
    """Where the hook's client lies in this installation."""
    return Path(controlroom.hook.__file__).resolve()


def interpreter() -> Path:
    """The interpreter that the hook is run with: the real file, not the environment's link that may be rebuilt."""
    return Path(os.path.realpath(sys.executable))


def command(gate_dir: Path, python: Path, hook: Path, agent: str, event: str) -> str:
    """The line for `sh -c`. Nothing in it is looked up in PATH or the working folder.

    Raises ValueError for a path that is not absolute, or that JSON and one line of shell cannot carry.
    """
    for path in (gate_dir, python, hook):
        if not path.is_absolute() or not str(path).isprintable():
            raise ValueError(f"{str(path)!r}: the hook needs an absolute path of printable characters")
    words = shlex.join([str(python), "-I", "-S", str(hook), str(gate_dir), agent, event])
    return f"{words} {OBSERVED_TAIL}" if event in OBSERVATIONS else f"{FIRST.get(agent, '')}{words} {GATE_TAIL}"


def is_ours(line: str, agent: str, event: str) -> bool:
    """Whether some installation of ours made this command for this agent and event (paths may have been others).

    Word for word: a longer command that only ends like ours is somebody else's.
    """
    around = ((FIRST.get(agent, ""), f" {GATE_TAIL}"), ("", f" {OBSERVED_TAIL}"))
    fits = (line[len(first) : -len(tail)] for first, tail in around if line.startswith(first) and line.endswith(tail))
    head = next(fits, "")
    try:
        words = shlex.split(head)
    except ValueError:
        return False
    return len(words) == 7 and words[1:3] == ["-I", "-S"] and words[5:] == [agent, event] and shlex.join(words) == head


def probe(line: str, seconds: float = 20.0) -> Probed:
    """Run an installed gate command as the agent would and say whether it denies; never raises for what the command does."""
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(["/bin/sh", "-c", line], stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as e:
        return Probed(False, False, -1, f"/bin/sh could not be run: {e}")
    try:
        out, err = child.communicate(PROBE, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # the client too: it holds the pipes
        child.communicate()
        return Probed(False, False, -1, f"it gave no answer within {seconds:g} s")
    said = err.decode("utf-8", "replace").strip()[:500]
    ours = [text for text in said.splitlines() if text.startswith("controlroom: ")]
    closed = child.returncode == 2 and bool(ours) and (not out or out.startswith(DENIALS))
    return Probed(closed, closed and any(text.startswith(ANSWERED) for text in ours), child.returncode, said)
