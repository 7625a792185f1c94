"""`controlroom grant` and `controlroom revoke`: permissions that are counted and expire."""

import os
import re
import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from controlroom.cli import out, room
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure
from controlroom.model.effect import EffectKind
from controlroom.model.request import GRANT_LONGEST

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def grant(
    name: str,
    /,
    *,
    effect: Annotated[list[EffectKind], Parameter(help="what it may do; give it again for more than one")],
    path: Annotated[Path | None, Parameter(help="in this folder or on this file")] = None,
    argv: Annotated[str | None, Parameter(help="exactly this command")] = None,
    uses: Annotated[int, Parameter(help="how often")] = 1,
    period: Annotated[str, Parameter(name="--for", help="how long: 30s, 5m, 1h (at most 1h)")] = "5m",
) -> int:
    """Lets an agent do some things without asking, for a while."""
    if (path is None) == (argv is None):
        raise Failure("grant needs either --path DIR or --argv 'CMD...'", USAGE)
    params: dict[str, object] = {"name": name, "effects": effect, "uses": uses, "seconds": min(duration(period), GRANT_LONGEST)}
    if path is not None:
        params["path"] = str(path.absolute())
    if argv is not None:
        params["argv"] = _words(argv)
    for line in _in_full(params, name):
        print(line)
    row = room.call("grant", **params)
    print(f"grant {out.safe(row['id'])}: {_times(row['uses'])}, within {out.seconds(row['ttl_s'])}")
    print(f"Take it back: controlroom revoke {out.safe(row['id'])}")
    return 0


def _in_full(params: dict[str, object], name: str) -> list[str]:
    """All that the grant will cover, literally, before it is given (A14)."""
    kinds = params["effects"]
    assert isinstance(kinds, list)  # made above
    path, argv = str(params.get("path", "")), params.get("argv")
    real = os.path.realpath(path) if path else ""
    where = f"exactly {out.tokens(argv)}, in its workspace" if isinstance(argv, list) else f"on {out.safe(real)}"
    below = " and all that is below" if real and os.path.isdir(real) else ""
    bounds = f"{_times(params['uses'])}, within {out.seconds(params['seconds'])}, until its session ends"
    return [
        f"{out.safe(name)} may {', '.join(kinds)} {where}{below}",
        f"  {bounds}; never what is never-touch",
    ]


def _times(uses: object) -> str:
    return "once" if uses == 1 else f"{uses} times"


def revoke(id: str, /) -> int:  # noqa: A002  the contract's word
    """Takes a grant back."""
    room.call("revoke", id=id)
    print("revoked")
    return 0


def duration(text: str) -> int:
    """Seconds of `30s`, `5m`, `1h` or plain seconds. Raises Failure."""
    found = re.fullmatch(r"([0-9]{1,6})([smh]?)", text)
    if found is None or int(found[1]) == 0:
        raise Failure(f"--for {text!r} is no time; write 30s, 5m or 1h", USAGE)
    return int(found[1]) * _UNITS[found[2]]


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Failure(f"--argv cannot be read as words: {error}", USAGE) from None
    if not words:
        raise Failure("--argv is empty", USAGE)
    return words
