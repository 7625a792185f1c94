"""`controlroom undo` and `controlroom snapshots`: what was destroyed comes back."""

import sys
import time
from typing import Annotated, Any

from cyclopts import Parameter

from controlroom.cli import out, room
from controlroom.cli.options import Agent, Json, Yes
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure
from controlroom.model.snapshot import UNDOES
from controlroom.storage.snapshots.budget import human

MOST_LINES = 40  # steps that are printed one by one
BAR = 30  # columns of the progress bar
POLL_SECONDS = 0.1


def undo(
    receipt: str,
    /,
    *,
    dry_run: Annotated[bool, Parameter(help="only show what would be done")] = False,
    as_json: Json = False,
    yes: Yes = False,
) -> int:
    """Brings back what was there before an act, or at a checkpoint: shows the plan, asks, saves what is there now, restores."""
    if as_json and not (dry_run or yes):
        raise Failure("undo --json needs --dry-run or --yes: it asks no question", USAGE)
    plan = room.call("undo_plan", receipt=receipt)
    if not as_json:
        _print(plan)
    if dry_run or not plan["count"]:
        if as_json:
            out.print_json([{"id": receipt, **plan}])
        return 0
    if not as_json:
        room.confirm(_question(plan), yes=yes)
    began = room.call("undo", receipt=receipt, plan=plan["plan"])
    end = _wait(str(began["id"]), quiet=as_json)
    if as_json:
        out.print_json([{**end, "id": began["id"], "undid": receipt}])
    if end["state"] == "failed":
        raise Failure(f"undo {began['id']} failed: {end['error']}. Run it again: it goes on from what is there")
    if not as_json:
        print(f"Done: {_changes(plan)}. This undo is receipt {out.safe(began['id'])}")
        print(f"Take it back with: controlroom undo {out.safe(began['id'])}")
    return 0


def snapshots(*, agent: Agent = "", as_json: Json = False) -> int:
    """Lists the snapshots that there are, oldest first."""
    rows = room.call("snapshots", agent=agent)
    if as_json:
        out.print_json(rows)
        return 0
    head = ("RECEIPT", "AGENT", "AGE", "FILES", "SIZE", "STAGE", "WHAT")
    cells = [[r["id"], r["agent"], out.seconds(r["age_s"]), r["files"], human(r["size"]), _stage(r), _what(r)] for r in rows]
    out.table(head, cells)
    return 0


def _what(row: dict[str, object]) -> str:
    """Of a checkpoint the moment alone: its stage says what it is."""
    return str(row["does"]) if row["stage"] == "checkpoint" else f"{row['tool']}: {row['does']}"


def _stage(row: dict[str, object]) -> str:
    return "undone" if row["undone"] else str(row["stage"])


def _changes(plan: dict[str, object]) -> str:
    return "1 change" if plan["count"] == 1 else f"{plan['count']} changes"


def _question(plan: dict[str, object]) -> str:
    newer = f" OVERWRITES {plan['newer_count']} newer changes." if plan["newer_count"] else ""
    return f"{_changes(plan)}.{newer} What is there now is saved first. Undo?"


def _print(plan: dict[str, object]) -> None:
    steps, newer, notes = _list(plan["steps"]), _list(plan["newer"]), _list(plan["notes"])
    if not plan["count"]:
        print("Nothing to do: everything is as it was before the act.")
    for step in steps[:MOST_LINES]:
        size = f" ({human(step['size'])})" if step["kind"] in ("file", "history") else ""
        mark = "  NEWER" if step["newer"] else ""
        print(f"  {UNDOES[step['do']]:10} {out.safe(step['path'])}{size}{mark}")
    if len(steps) > MOST_LINES:
        print(f"  ... and {int(str(plan['count'])) - MOST_LINES} more")
    if plan["undone"]:
        print(f"It was undone before, by {out.safe(plan['undone'])}.")
    if newer:
        print(f"CONFLICT: {plan['newer_count']} changed after the act had ended, and would be lost from view:")
        for path in newer[:10]:
            print(f"  {out.safe(path)}")
    if plan["count"] and not plan["told_end"]:
        print("Nobody has told when the act ended: newer work cannot be told from what it did.")
    for note in notes:
        print(f"Note: {out.safe(note)}")
    if plan["diff"]:
        out.block(str(plan["diff"]))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _wait(undo_id: str, *, quiet: bool) -> dict[str, object]:
    """Its end, with a bar on the way where somebody looks on."""
    bar = not quiet and sys.stderr.isatty()
    while True:
        state: dict[str, object] = room.call("undo_state", id=undo_id)
        if bar:
            sys.stderr.write(f"\r{_bar(state)}")
            sys.stderr.flush()
        if state["state"] in ("done", "failed"):
            if bar:
                sys.stderr.write("\r" + " " * (BAR + 30) + "\r")
            return state
        time.sleep(POLL_SECONDS)


def _bar(state: dict[str, object]) -> str:
    done, total = int(str(state["done"])), max(1, int(str(state["total"])))
    full = BAR * done // total
    return f"{state['state']:9} [{'#' * full}{'.' * (BAR - full)}] {done}/{state['total']} "
