"""`controlroom estop`: everything stops, whoever is dead or full. First the latch, then the daemon, then our own hands."""

import os
import signal
import time

from controlroom.cli import stops
from controlroom.cli.quick import FAILED, OK, fail, remark, say
from controlroom.client.rpc import NoDaemon, Operator, RpcError
from controlroom.client.where import NoPlace, where

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from controlroom.storage.paths import Places

    Tell = Callable[[str], object]

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
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that goes away does not end the stop
    try:
        return _stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def _stop() -> int:
    stop_id, written = latch(say, _fail)
    rows, complete = everything(stop_id, _fail)
    for row in rows:
        say("\n".join(stops.lines(row, "stop")))
    if not rows:
        say("No agent was running." if complete else "No agent could be found to stop.")
    done = written and complete and stops.confirmed(rows, "stop")
    if not done:
        remark("STOP NOT CONFIRMED: see above what is left.")
    say(NOT_COVERED)
    say("Next: controlroom reset (resumes nothing), then controlroom resume NAME, or controlroom kill all.")
    return OK if done else FAILED


def _fail(message: str) -> None:
    fail(message, FAILED)


def latch(tell: "Tell", wrong: "Tell") -> tuple[str, bool]:
    """Writes both latch files, durably; a stop in force keeps its id. Gives the id and whether it was written.

    What was done goes to `tell`, what failed to `wrong`; nothing is raised.
    """
    from controlroom.model.ready import ready_for_threads
    from controlroom.storage import latchfile, paths

    ready_for_threads()  # in the room this is a thread beside others
    stop_id = os.urandom(4).hex()
    try:
        places = paths.places(os.environ)
        _folders(places, wrong)
        old = latchfile.read_any(places)
        by, wall = paths.operator(), time.time_ns()
        if old is not None and old.stop_id != latchfile.UNREADABLE:
            stop_id, by, wall = old.stop_id, old.by, old.wall
        problems = latchfile.write_both(places, stop_id, by, wall)
    except (OSError, paths.Insecure, latchfile.NotLatched) as error:
        wrong(f"THE LATCH COULD NOT BE WRITTEN: {error}. Stopping the agents all the same.")
        return stop_id, False
    for problem in problems:
        wrong(f"one copy of the latch could not be written: {problem}")
    tell(f"EMERGENCY STOP {stop_id}: latched, nothing is allowed any more.")
    return stop_id, not problems


def _folders(places: "Places", wrong: "Tell") -> None:
    from controlroom.storage import paths

    for folder in (places.state, places.runtime):
        try:
            paths.secure_dir(folder)
        except (OSError, paths.Insecure) as error:
            wrong(str(error))  # the latch is tried all the same


def everything(stop_id: str, wrong: "Tell") -> "tuple[list[dict[str, Any]], bool]":
    """Stops every session, through the daemon or without it. What became of each, and whether all sessions were found."""
    begun = time.monotonic()
    try:
        with Operator(where(os.environ), connect=HELLO_SECONDS, seconds=ANSWER_SECONDS) as operator:
            answer = operator.call("estop", stop_id=stop_id)
        if isinstance(answer, dict) and isinstance(answer.get("results"), list):
            return answer["results"], True
        wrong("the daemon's answer to estop makes no sense: stopping without it")
    except NoDaemon as error:
        wrong(f"{error}: stopping without it")
    except (RpcError, NoPlace) as error:
        wrong(f"the daemon refused: {error}: stopping without it")
    from controlroom.cli import hands

    return hands.stop_all(wrong, begun)
