"""`controlroom reset`: the end of an emergency stop, in two steps. Resumes nothing, restores no grant."""

from controlroom.cli import out, room
from controlroom.cli.options import Yes
from controlroom.cli.room import Failure
from controlroom.client.rpc import Hung, NoDaemon
from controlroom.storage import latchfile


def reset(*, yes: Yes = False) -> int:
    """Ends the emergency stop: prints its id and asks for it. Works without a daemon; resumes nothing."""
    places = room.places()
    room.outsider("reset")
    latch = latchfile.read_any(places)
    if latch is None:
        print("No emergency stop is on.")
        return 0
    stop_id = (latch.stop_id == latchfile.UNREADABLE and _in_force()) or latch.stop_id
    print(f"EMERGENCY STOP {out.safe(stop_id)}, pulled by {out.safe(latch.by)}.")
    if not yes and room.typed("Type the stop's id to reset it: ").strip() != stop_id:
        raise Failure("that is not the stop's id; the stop stays on")
    try:
        room.call("reset", stop_id=stop_id)
    except Hung as error:
        raise Failure(f"{error}; the stop stays on. End the daemon first: controlroom daemon stop") from None
    except NoDaemon:
        latchfile.clear_both(places)
        print("Reset without a daemon: the latch is gone.")
    else:
        print("Reset.")
    print("Nothing was resumed and no grant is restored: controlroom agents, then controlroom resume NAME.")
    return 0


def _in_force() -> str:
    """What a running daemon calls the stop, "" = there is none: a latch that was written on a full disk is an empty file."""
    try:
        return str(room.call("status")["stop_id"])
    except (NoDaemon, Hung):
        return ""
