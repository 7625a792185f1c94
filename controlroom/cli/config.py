"""`controlroom config propose | history | rollback | accept | changes`: changes in two phases, and those that were seen."""

import difflib
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from controlroom.agents.replacing import replace
from controlroom.agents.strict import BadJson, read
from controlroom.cli import out, room
from controlroom.cli.options import Json, Yes
from controlroom.cli.room import Failure
from controlroom.client import gate
from controlroom.storage import versions
from controlroom.storage.files import read_small
from controlroom.text.safe import show

Everything = Annotated[bool, Parameter(name="--all", help="also those that were allowed or taken")]
MOST = 256 * 1024  # bytes of new content that a request carries


def propose_(
    file: Path,
    /,
    *,
    source: Annotated[Path, Parameter(name="--from", help="the file with the new content")],
    reason: Annotated[str, Parameter(allow_leading_hyphen=True, help="why, for the operator")] = "",
) -> int:
    """Checks the new content, shows the change, waits for an operator's yes, keeps the old version, replaces the file."""
    try:
        new = read_small(source, MOST)
    except OSError as error:
        raise Failure(f"--from {source}: {error.strerror or error}") from None
    return _propose(file, new, reason or f"config propose --from {source}")


def history_(file: Path, /, *, as_json: Json = False) -> int:
    """Lists the saved versions of a file, oldest first."""
    found = versions.load_all(room.places(), _resolved(file))
    if as_json:
        out.print_json({"id": version.number, **msgspec.to_builtins(version)} for version in found)
        return 0
    if not found:
        print("No earlier version is kept.")
        return 0
    rows = [(version.number, _date(version.saved), version.size, version.sha256[:16]) for version in found]
    out.table(("N", "SAVED", "BYTES", "SHA-256"), rows)
    return 0


def rollback_(file: Path, /) -> int:
    """Proposes the last saved version of a file, the same way."""
    places, resolved = room.places(), _resolved(file)
    found = versions.load_all(places, resolved)
    if not found:
        raise Failure(f"{file}: no earlier version is kept")
    last = found[-1].number
    return _propose(file, versions.load(places, resolved, last), f"config rollback to version {last}")


def changes_(*, everything: Everything = False, as_json: Json = False) -> int:
    """Lists the changes of agents' files that nobody has looked at; with --all also those that were allowed or taken."""
    seen = [row for row in room.call("changes") if everything or not (row["taken"] or row["change"]["confirmed"])]
    if as_json:
        out.print_json({"id": row["change"]["id"], **row} for row in seen)
        return 0
    if not seen:
        print("No change waits to be looked at.")
    for row in seen:
        _show_change(row)
    return 0


def _show_change(row: dict[str, Any]) -> None:
    change = row["change"]
    state = f", taken by {row['taken']}" if row["taken"] else ""
    print(f"{out.safe(change['id'])}  {out.safe(change['path'])}: {out.safe(change['what'])}{out.safe(state)}")
    gate = ["our gate was put in, and nothing else"] if change["gate"] else []
    for text in (change["who"], *gate, *change["weakens"], *change["declares"]):
        print(f"  {out.safe(text)}")
    if change["diff"]:
        out.block(change["diff"])


def accept_(file: Path | None = None, /, *, yes: Yes = False) -> int:
    """Takes our settings and rules as they lie on disk, or the changes of an agent's FILE; the difference is shown first."""
    room.outsider("the configuration")
    if file is not None:
        return _accept_changes(file, yes=yes)
    rows = {what: room.call(what) for what in ("settings", "rules")}
    waiting = {what: row for what, row in rows.items() if row["diff"] or row["state"] != "ok"}
    if not waiting:
        print("nothing waits: what is on disk is in force")
    for what, row in waiting.items():
        out.block(row["diff"] or "the files on disk are those that were in force last")
        for reason in row["weaker"]:
            print(f"  WEAKER  {out.safe(reason)}")
        room.confirm(f"Take these {what}?", yes=yes)
        room.call("reload", what=what, sha256=row["sha256"])
        print(f"these {what} are in force; grants that were given before have ended")
    return 0


def _accept_changes(file: Path, *, yes: bool) -> int:
    paths = {os.path.abspath(file), str(_resolved(file))}
    waiting = [r for r in room.call("changes") if r["change"]["path"] in paths and not (r["taken"] or r["change"]["confirmed"])]
    if not waiting:
        print(f"{out.safe(file)}: no change waits to be looked at")
        return 0
    for row in waiting:
        _show_change(row)
    room.confirm("Take this as it is?", yes=yes)
    for row in waiting:
        room.call("take_change", id=row["change"]["id"])
    print("taken, and recorded; a session that it paused goes on with: controlroom resume NAME")
    return 0


def _propose(asked: Path, new: bytes, reason: str) -> int:
    file = _resolved(asked)
    text = _valid(file, new)
    old = _content(file)
    if old == new:
        print(f"{out.safe(file)}: nothing would change")
        return 0
    _show_diff(file, old or b"", new)
    try:
        with gate.act("config", paths=[file], reason=reason, new=text) as receipt:
            _apply(file, old, new)
            receipt.note = f"replaced, {len(new)} bytes"
    except gate.Denied as error:
        raise Failure(f"denied, nothing was changed: {error}") from None
    except gate.Unavailable as error:
        if _content(file) == new:
            raise Failure(f"the file is changed, but {error}") from None
        raise Failure(f"denied, nothing was changed; the gate is unavailable: {error}") from None
    print(f"{out.safe(file)} is changed, allowed by {out.safe(receipt.by)} (receipt {out.safe(receipt.id)}).")
    if old is not None:
        print(f"Undo it with: controlroom config rollback {show(str(asked))}")
    return 0


def _apply(file: Path, old: bytes | None, new: bytes) -> None:
    """The second phase. Raises Failure when the file is no longer what was shown; then nothing was changed."""
    if _content(file) != old:
        raise Failure(f"{file} was changed while you decided; nothing was done. Propose it again")
    if old is not None:
        versions.save(room.places(), file, old)
    if _content(file) != old:
        raise Failure(f"{file} was changed at the last moment; nothing was done. Propose it again")
    replace(file, new, 0o600)


def _resolved(file: Path) -> Path:
    """The file itself: a link to a configuration stays a link, and what it leads to is changed."""
    try:
        return file.resolve()
    except RuntimeError as error:  # links in a circle
        raise Failure(f"{file}: {error}") from None


def _content(file: Path) -> bytes | None:
    try:
        return read_small(file, versions.LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(f"{file}: {error.strerror or error}") from None


def _valid(file: Path, new: bytes) -> str:
    """The new content as text. Raises Failure naming line and reason when it cannot be what its name says."""
    try:
        text = new.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"the new content is not UTF-8 at byte {error.start}") from None
    try:
        if file.suffix == ".json":
            read(new)
        elif file.suffix == ".toml":
            tomllib.loads(text)
    except (BadJson, tomllib.TOMLDecodeError) as error:
        raise Failure(f"the new content is not valid {file.suffix[1:].upper()}: {error}; nothing was proposed") from None
    return text


def _show_diff(file: Path, old: bytes, new: bytes) -> None:
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (old, new))
    out.block("\n".join(difflib.unified_diff(before, after, str(file), str(file), lineterm="")), "")


def _date(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
