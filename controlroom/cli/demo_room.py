"""`controlroom demo` on a terminal: the same story in the room, slow enough that a newcomer answers it."""

import os

from controlroom.cli import opening
from controlroom.cli.demo import CUSTOMERS, SETTINGS, NotAsTold, Stage, stage
from controlroom.model.agent import OVER, SessionState
from controlroom.model.tier import Tier
from controlroom.model.view import RoomView
from controlroom.text.safe import show

PACE = "2.5"  # seconds before each act
NAME = "demo"


def play() -> int:
    """The story, until the operator leaves the room; then what became of it. Nothing of it stays on the machine."""
    print("controlroom demo: an agent in a workspace of its own; you decide. Preparing ...", flush=True)
    with stage() as made:
        try:
            made.cli("daemon", "start")
            made.cli("run", "--name", NAME, "--detach", "--workspace", str(made.workspace), "--", *made.agent(PACE))
        except NotAsTold as error:
            print(f"demo: it could not begin: {show(str(error))}")
            return 1
        os.environ["CONTROLROOM_HOME"] = str(made.home)
        code = opening.show(made.places, coach=lambda view: coach(made, view))
        _epilogue(made)
    print("The demo's agent, daemon and files are gone.")
    return code


def coach(made: Stage, view: RoomView) -> str:
    """What a newcomer may want to do now."""
    if view.status.stop_id:
        return "R and the stop's id reset it, ctrl+k kills all, q ends the demo"
    mine = next((agent.state for agent in view.agents if agent.name == NAME), None)
    if mine in OVER:
        return "the agent is over. Look around (1 to 6, ? help); q ends the demo"
    if mine is SessionState.PAUSED:
        return "nothing resumes by itself: r lets it go on, X kills it"
    waiting = sorted(view.pending, key=lambda r: r.tier, reverse=True)
    if waiting and waiting[0].tier is Tier.T2:
        return "it wants to delete build output. Read, then: a allows, d denies"
    if waiting:
        return "it loosens its own settings: T3, another key: A allows, d denies"
    if (made.workspace / "heartbeat").exists():
        return "it has run away and ignores TERM. ctrl+\\ or f12: EMERGENCY STOP"
    if any(r.tier is Tier.TX for r in view.receipts):
        return "never-touch: it tried customers/ and was denied, unasked (tab 2)"
    return "it reads and edits: recorded, not asked. Wait for its question"


def _epilogue(made: Stage) -> None:
    """What is true on the file system, whatever anybody said."""
    kept = (made.workspace / "customers" / "all.db").read_text() == CUSTOMERS
    settings = (made.workspace / ".claude" / "settings.json").read_text() == SETTINGS
    print(f"  customers/all.db    {'untouched: never-touch held' if kept else 'CHANGED'}")
    print(f"  build/              {'still there' if (made.workspace / 'build').exists() else 'deleted, as you allowed'}")
    print(f"  settings of agent   {'as they were' if settings else 'changed, as you allowed'}")
