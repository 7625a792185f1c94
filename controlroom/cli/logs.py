"""`controlroom logs NAME`: what an agent did and what its logs say, as one stream, or one log alone; also without a daemon."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from controlroom.cli import logfiles, out, room
from controlroom.cli.logfiles import UNENDED, Begun, Row
from controlroom.cli.logstream import Kept, Live
from controlroom.cli.quick import FAILED, OK, USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import NoDaemon, Operator
from controlroom.model.view import LogSource
from controlroom.sensing.index import Holding
from controlroom.storage import logbook
from controlroom.storage.logbook import Listed

MOST = 100_000  # lines of one call


def logs(
    name: str,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], help="go on with what comes, until Ctrl-C")] = False,
    log: Annotated[str, Parameter(help="only this log of the agent: its path, or the end of it")] = "",
    search: Annotated[str, Parameter(help="only lines that hold this text, in all of the logs")] = "",
    lines: Annotated[int, Parameter(help="how many, at most 100,000")] = 100,
    as_json: Annotated[bool, Parameter(name="--json", help="one array of objects; with -f one object a line")] = False,
) -> int:
    """Prints the newest lines, oldest first: what the agent did and what its logs say, or one log by itself (--log)."""
    if not 0 <= lines <= MOST:
        raise Failure(f"--lines {lines}: from 0 to {MOST:,}", USAGE)
    rule = _rule(search)
    listed, running = _listed(name)
    print_ = _Printer(as_json, follow, one=bool(log))
    if log:
        files = logfiles.Files([_named(listed, log)], rule, follow)
        print_.all(files.last(lines))
        print_.all(files.follow() if follow else ())
    else:
        with contextlib.ExitStack() as stack:
            operator = _operator(stack)
            live = Live(operator, listed, rule) if operator and running else None
            if live is not None:
                print_.all(live.newest(lines))
            if live is not None and follow:
                with contextlib.suppress(NoDaemon):
                    print_.all(live.follow())
            if live is None or follow:
                kept = Kept(listed, rule, following=follow)
                print_.all(kept.newest(lines) if live is None else kept.take_over(live))
                print_.all(kept.follow() if follow else ())
    print_.end()
    return OK


def _rule(search: str) -> Holding | None:
    if not search:
        return None
    try:
        return Holding(search)
    except ValueError as error:
        raise Failure(f"--search: {error}", USAGE) from None


def _listed(name: str) -> tuple[Listed, bool]:
    """The agent and its logs, and whether the daemon has them; else as they were known last."""
    try:
        with room.operator() as operator:
            agent = next((row for row in reversed(operator.call("agents")) if name in (row["id"], row["name"])), None)
            if agent is not None:
                rows = msgspec.convert(operator.call("logs", session=agent["id"]), tuple[LogSource, ...])
                kept = next((one for one in _kept() if one.session == agent["id"]), None)  # it says who writes the transcript
                listed = kept or Listed(agent["id"], agent["name"], agent["kind"], ())
                return msgspec.structs.replace(listed, logs=rows), True
    except NoDaemon:
        pass
    known = _kept()
    found = [one for one in known if name in (one.session, one.name)]
    if not found:
        names = ", ".join(dict.fromkeys(out.one_line(one.name) for one in reversed(known))) or "none"
        raise Failure(f"no agent {name} is known; there are: {names}", FAILED)
    return found[-1], False


def _kept() -> list[Listed]:
    """What was kept of all sessions."""
    known, wrong = logbook.load(room.places().agents)
    for why in wrong:
        out.tell(why)
    return known


def _operator(stack: contextlib.ExitStack) -> Operator | None:
    try:
        return stack.enter_context(room.operator())
    except NoDaemon:
        return None


def _named(listed: Listed, log: str) -> str:
    """The one log that is meant."""
    paths = [one.path for one in listed.logs]
    whole = str(Path(log).absolute())
    found = [path for path in paths if path in (log, whole)] or [path for path in paths if path.endswith(log)]
    if len(found) != 1:
        why = "is none of its logs" if not found else "means several of its logs"
        raise Failure(f"{log} {why}; {listed.name} has: {', '.join(map(out.one_line, paths)) or 'none'}", USAGE)
    return found[0]


class _Printer:
    """Prints rows as they come: for people, as one array, or one object a line while following."""

    def __init__(self, as_json: bool, follow: bool, one: bool) -> None:
        self._json, self._follow, self._one = as_json, follow, one
        self._rows: list[dict[str, object]] = []
        self._begun = Begun()

    def all(self, rows: Iterable[Row]) -> None:
        """Each of them."""
        for row in rows:
            if row.remark:
                out.tell(row.text)
            elif not self._json:
                self._print(row)
            elif self._follow:
                print(out.as_json(row.as_object()), flush=True)
            else:
                self._rows.append(row.as_object())

    def _print(self, row: Row) -> None:
        shown = self._begun.rest(row) if row.path else row
        if shown is not None:
            mark = UNENDED if self._follow and row.open else ""
            print(f"{mark}{shown.text}" if self._one else shown.as_line(), flush=self._follow)

    def end(self) -> None:
        """The array, where it is one."""
        if self._json and not self._follow:
            out.print_json(self._rows)
