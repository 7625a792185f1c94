"""`controlroom estop`: everything stops, whoever is dead or full. First the latch, then the daemon, then our own hands."""

import os
import sys
import time

from controlroom.cli import stops
from controlroom.cli.quick import FAILED, OK, fail
from controlroom.client.rpc import NoDaemon, Operator, RpcError
from controlroom.client.where import NoPlace, where

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from typing import Any

    from controlroom.storage.paths import Places

HELLO_SECONDS = 1.0  # a daemon that does not say hello by then is hung
ANSWER_SECONDS = 3.0  # where freezing is not safe the daemon kills within 2 s, then answers
HELP = """Usage: controlroom estop

EMERGENCY STOP: nothing is allowed any more, every agent is frozen, or killed where it cannot be frozen safely.
Works with the daemon dead. `controlroom reset` ends it; it resumes nothing."""
NOT_COVERED = "Not covered: work handed to tmux, containers, cron or remote hosts goes on. Look there yourself."


def main(words: list[str]) -> int:
    """Runs `estop ...`; gives the exit code: 0 only if the latch is written and every stop is proved."""
    if "--help" in words or "-h" in words:
        print(HELP)
        return OK
    if words[1:]:  # a slip of the finger must not stop the stop
        fail(f"estop takes no arguments; {' '.join(words[1:])!r} means nothing here. Stopping all the same.", OK)
    stop_id, written = _latch()
    rows, complete = _stop(stop_id)
    for row in rows:
        print("\n".join(stops.lines(row, "stop")))
    if not rows:
        print("No agent was running." if complete else "No agent could be found to stop.")
    done = written and complete and stops.confirmed(rows)
    if not done:
        print("STOP NOT CONFIRMED: see above what is left.", file=sys.stderr)
    print(NOT_COVERED)
    print("Next: controlroom reset (resumes nothing), then controlroom resume NAME, or controlroom kill all.")
    return OK if done else FAILED


def _latch() -> tuple[str, bool]:
    """Writes both latch files, durably; a stop in force keeps its id. Gives the id and whether it was written."""
    from controlroom.storage import latchfile, paths

    stop_id = os.urandom(4).hex()
    try:
        places = paths.places(os.environ)
        _folders(places)
        old = latchfile.read_any(places)
        by, wall = _operator(), time.time_ns()
        if old is not None and old.stop_id != latchfile.UNREADABLE:
            stop_id, by, wall = old.stop_id, old.by, old.wall
        problems = latchfile.write_both(places, stop_id, by, wall)
    except (OSError, paths.Insecure, latchfile.NotLatched) as error:
        fail(f"THE LATCH COULD NOT BE WRITTEN: {error}. Stopping the agents all the same.", FAILED)
        return stop_id, False
    for problem in problems:
        fail(f"one copy of the latch could not be written: {problem}", FAILED)
    print(f"EMERGENCY STOP {stop_id}: latched, nothing is allowed any more.", flush=True)
    return stop_id, not problems


def _folders(places: "Places") -> None:
    from controlroom.storage import paths

    for folder in (places.state, places.runtime):
        try:
            paths.secure_dir(folder)
        except (OSError, paths.Insecure) as error:
            fail(str(error), FAILED)  # the latch is tried all the same


def _operator() -> str:
    import pwd

    try:
        return f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"operator:{os.getuid()}"


def _stop(stop_id: str) -> "tuple[list[dict[str, Any]], bool]":
    """What became of each session, through the daemon or without it, and whether all sessions were found."""
    try:
        with Operator(where(os.environ), connect=HELLO_SECONDS, seconds=ANSWER_SECONDS) as operator:
            answer = operator.call("estop", stop_id=stop_id)
        if isinstance(answer, dict) and isinstance(answer.get("results"), list):
            return answer["results"], True
        fail("the daemon's answer to estop makes no sense: stopping without it", FAILED)
    except NoDaemon as error:
        fail(f"{error}: stopping without it", FAILED)
    except (RpcError, NoPlace) as error:
        fail(f"the daemon refused: {error}: stopping without it", FAILED)
    from controlroom.cli import hands

    return hands.stop_all()
