"""`controlroom pause | resume | stop | kill NAME|all`: each with the kernel's proof, or NOT CONFIRMED and exit code 1."""

from controlroom.cli import out, room, stops
from controlroom.cli.options import Json
from controlroom.cli.quick import FAILED, OK, say


def pause(name: str, /, *, as_json: Json = False) -> int:
    """Freezes an agent, or `all`. What it has pending is denied first."""
    return _steer("pause", name, as_json)


def resume(name: str, /, *, as_json: Json = False) -> int:
    """Lets a paused agent go on, or `all`."""
    return _steer("resume", name, as_json)


def stop(name: str, /, *, as_json: Json = False) -> int:
    """Ends an agent, or `all`: TERM, then kill what is left after 5 s."""
    return _steer("stop", name, as_json)


def kill(name: str, /, *, as_json: Json = False) -> int:
    """Kills an agent, or `all`, now."""
    return _steer("kill", name, as_json)


def _steer(act: str, name: str, as_json: bool) -> int:
    rows = room.call(act, name=name)
    if as_json:
        out.print_json(rows)
    elif not rows:
        say("No agent is running.")
    else:
        for row in rows:
            say("\n".join(stops.lines(row, act)))
    return OK if stops.confirmed(rows, act) else FAILED
