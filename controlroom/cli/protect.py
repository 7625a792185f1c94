"""`controlroom protect add | remove | list | check | restore`: the never-touch manifest. The operator's alone."""

import difflib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import controlroom
from controlroom.cli import out, room
from controlroom.cli.options import Json, Yes
from controlroom.cli.quick import FAILED, OK
from controlroom.cli.room import Failure
from controlroom.client.rpc import NoDaemon
from controlroom.policy.context import Context
from controlroom.policy.limits import MEMBER_ENTRIES
from controlroom.policy.manifest import Manifest, ManifestError
from controlroom.policy.protect import Guard, matched
from controlroom.sensing.tree import RealTree
from controlroom.storage.files import read_small, replace
from controlroom.storage.paths import Places, secure_dir

LIMIT = 1 << 20  # bytes, as the daemon reads it
MOST_COUNTED = 100_000  # files that are looked at for a count
_SPECIAL = frozenset("\\*?[")

Read = Annotated[bool, Parameter(help="forbid reading too")]


def add_(path: str, /, *, read: Read = False, yes: Yes = False) -> int:
    """Puts a path, or a gitignore pattern, on the list."""
    line = ("read:" if read else "") + pattern(path)

    def change(lines: list[str]) -> list[str]:
        if line in lines:
            raise Failure(f"{line} is on the list already", OK)
        return [*lines, line]

    _change(change, f"Add {out.safe(line)}?", yes=yes, ask=False)
    count = _inodes(os.path.abspath(path))
    print(f"protected: {out.safe(line)} ({count} files and folders now)")
    if count == "0":
        out.tell(f"nothing is there now that {line} matches: check the spelling")
    return OK


def remove_(path: str, /, *, yes: Yes = False) -> int:
    """Takes a path or pattern off the list."""
    wanted = {path, pattern(path), f"read:{pattern(path)}"}

    def change(lines: list[str]) -> list[str]:
        kept = [line for line in lines if line not in wanted]
        if len(kept) == len(lines):
            raise Failure(f"{path} is not on the list; see: controlroom protect list")
        return kept

    _change(change, f"Take {out.safe(path)} off the never-touch list?", yes=yes, ask=True)
    print("removed; the built-in list holds as before")
    return OK


def list_(*, as_json: Json = False, yes: Yes = False) -> int:
    """Lists what the operator added. A manifest that was changed otherwise is shown, and taken only by a yes."""
    places = room.places()
    text = _text(places)
    lines = _entries(text)
    if as_json:
        out.print_json({"id": number, "pattern": line, "matches": _matches(line)} for number, line in lines)
        return OK
    for number, line in lines:
        print(f"{number:4}  {out.safe(line)}  ({_matched(line)})")
    if not lines:
        print("Nothing was added; the built-in list holds: our own files, keys and credentials, logs and memory of agents.")
    try:
        drift = _drift()
    except NoDaemon:
        drift = ""
    if drift:
        out.tell(f"{drift}: until you take it, nothing is written.")
        room.outsider("the never-touch manifest")
        held = str(room.call("manifest")["text"])
        change = difflib.unified_diff(held.splitlines(True), text.splitlines(True), "in force", "on disk")
        out.block("".join(change) or "(what is in force and what is on disk read the same)")
        room.confirm("Take the list as it is above?", yes=yes)
        print(_reload(text))
    return OK


def check_(path: str, /, *, as_json: Json = False) -> int:
    """Says whether a path is covered, and by which line. Exit code 0 when it is, 1 when not."""
    places = room.places()
    real = os.path.realpath(path)
    covering = _covering(real, places)
    count = _inodes(real)
    if as_json:
        out.print_json([{"id": real, "covered": bool(covering), "by": covering, "inodes": count}])
        return OK if covering else FAILED
    print(f"{out.safe(real)}: {f'never-touch, by {out.safe(covering)}' if covering else 'NOT covered'}")
    print(f"files and folders there now: {count}")
    if count == "0":
        out.tell("nothing is there now: check the spelling")
    return OK if covering else FAILED


def restore_(path: str, /, *, yes: Yes = False) -> int:
    """Puts a never-touch file back as it was before it was changed on disk, from what the daemon kept of it."""
    room.outsider("the never-touch manifest")
    real = os.path.abspath(path)
    room.confirm(f"Put {out.safe(real)} back as it was?", yes=yes)
    room.call("put_back", path=real)
    print(f"{out.safe(real)} is as it was; the same again brings back what was there before.")
    return OK


def pattern(path: str) -> str:
    """What goes into the manifest for `path`: an absolute path is taken literally, a pattern that names nothing stays one.

    Raises Failure for text that no line can hold.
    """
    line = path
    if os.path.lexists(path) or not _SPECIAL & set(path):
        line = "".join(f"\\{char}" if char in _SPECIAL else char for char in os.path.abspath(path))
    if not path or path != path.strip() or not line.isprintable():
        raise Failure(f"{line if path else path!r} cannot stand on a line of the list")
    return line


def _change(change: Callable[[list[str]], list[str]], question: str, *, yes: bool, ask: bool) -> None:
    """Rewrites the manifest and has the daemon take it. Raises Failure, ManifestError as Failure; the old one then stays."""
    room.outsider("the never-touch manifest")
    places = room.places()
    secure_dir(places.config)
    before = _text(places)
    drift = _drift()  # raises NoDaemon: a change that no daemon takes would count as another hand's
    if drift:
        raise Failure(f"{drift}. Look at it first: controlroom protect list")
    after = "".join(f"{line}\n" for line in change(before.splitlines()))
    try:
        Manifest.parse(after, str(_file(places)))
    except ManifestError as error:
        raise Failure(f"{error}; nothing was changed") from None
    if ask:
        room.confirm(question, yes=yes)
    if _text(places) != before:
        raise Failure(f"{_file(places)} was changed meanwhile; nothing was done")
    replace(_file(places), after.encode())
    print(_reload(after))


def _file(places: Places) -> Path:
    return places.config / "never-touch"


def _text(places: Places) -> str:
    try:
        return read_small(_file(places), LIMIT).decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise Failure(f"{_file(places)}: not UTF-8 at byte {error.start}; mend it by hand") from None


def _entries(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]


def _drift() -> str:
    """Why the daemon does not trust the manifest on disk, "" when it does. Raises NoDaemon."""
    said = str(room.call("status").get("manifest", "ok"))
    return "" if said == "ok" else said


def _reload(text: str) -> str:
    """Has the daemon take exactly this list."""
    room.call("reload", what="manifest", sha256=hashlib.sha256(text.encode()).hexdigest())
    return "The daemon has taken it; grants that were in force have ended."


def _covering(real: str, places: Places) -> str:
    """What puts a resolved path on the never-touch list: a line of the manifest, or the built-in list; "" = nothing."""
    file = _file(places)
    tree = RealTree()
    stat = tree.lstat(real)

    def hit(manifest: Manifest, own: tuple[str, ...] = ()) -> bool:
        context = Context(workspace="/nonexistent", home=os.path.expanduser("~"), manifest=manifest, own=own)
        found = Guard(context, tree).hit(real, stat)
        return found is not None and found.kind == "never"

    ours = tuple(map(str, (places.config, places.state, places.runtime, Path(controlroom.__file__).parent)))
    if hit(Manifest(), ours):
        return "the built-in list"
    whole = Manifest.parse(_text(places), str(file))
    if not hit(whole, ours):
        return ""
    for number, line in _entries(_text(places)):
        if hit(Manifest.parse(line, str(file))):
            return f"{file}:{number}: {line}"
    return f"{file}: several lines together"


def _matches(line: str) -> int | None:
    """How much a line means now; None where it could be anywhere."""
    return matched(line, os.path.expanduser("~"), RealTree())


def _matched(line: str) -> str:
    count = _matches(line)
    if count is None:
        return "anywhere: not counted"
    least = "at least " if count >= MEMBER_ENTRIES else ""
    return f"matches {least}{count} now" if count else "matches 0 now: check the spelling"


def _inodes(path: str) -> str:
    """How many files and folders are at and below a path, in words."""
    tree = RealTree()
    stat = tree.lstat(path)
    if stat is None:
        return "0"
    if stat.kind != "dir":
        return "1"
    found = tree.scan(path, MOST_COUNTED)
    return f"{'at least ' if found.partial else ''}{len(found.paths) + 1}"
