"""Stop results in words: a stop is done only with the kernel's proof, else NOT CONFIRMED with who is left.

A row is what the daemon answers (`daemon.views.stop`): name, state, proof, ms, survivors, why, found.
"""

from controlroom.cli.quick import shown

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

NAMED = (("calls", "call under way"), ("writing", "open for write"), ("listening", "listening"), ("connected", "connected to"))
MOST_NAMES = 5  # of a sort; `controlroom show NAME` gives all
NO_HOLD = "nobody launched it, so there is no process to take hold of; its calls are denied"


def lines(row: "Mapping[str, Any]", act: str) -> list[str]:
    """One row for people; `act` is what was ordered: pause, resume, stop, kill, estop."""
    name = shown(str(row["name"]))
    ms = "" if row["ms"] is None else f" after {row['ms']} ms"
    if row["proof"]:
        return [f"{name}: {row['state']}{ms}, proof: {shown(str(row['proof']))}", *_found(row.get("found"))]
    if _free(row, act):
        return [f"{name}: running, it was not held by anything but its gate"]
    if _over(row):
        return [f"{name}: {row['state']}, nothing was left to {act}"]
    why = f": {shown(str(row['why'] or NO_HOLD))}" if row["why"] or row["ms"] is None else ""
    said = [f"{name}: {act.upper()} NOT CONFIRMED{ms}{why}"]
    said += _found(row.get("found"))
    for left in row["survivors"]:
        said.append(f"  still there: pid {left['process']['pid']} {shown(left['name'])} ({shown(left['why'])})")
    return said


def _found(found: "Mapping[str, Any] | None") -> list[str]:
    """What it was at: how many processes, and by name what may have been cut off in the middle."""
    if not found:
        return []
    count = found["processes"]
    said = [f"  it had {count} process{'' if count == 1 else 'es'}" + (" (seen in part)" if found["partial"] else "")]
    for key, what in NAMED:
        said += [f"  {what}: {shown(str(name))}" for name in found[key][:MOST_NAMES]]
        if len(found[key]) > MOST_NAMES:
            said.append(f"  {what}: and {len(found[key]) - MOST_NAMES} more")
    return said


def confirmed(rows: "Iterable[Mapping[str, Any]]", act: str) -> bool:
    """Whether each is done: by the kernel's proof, or because there was nothing to do."""
    return all(row["proof"] or _over(row) or _free(row, act) for row in rows)


def _over(row: "Mapping[str, Any]") -> bool:
    """Whether the agent had ended by itself before."""
    return row["state"] == "ended" and not row["survivors"]


def _free(row: "Mapping[str, Any]", act: str) -> bool:
    """Whether it is a resume of somebody whom only the gate held."""
    return act == "resume" and row["state"] == "running" and row["ms"] is None and not row["why"]
