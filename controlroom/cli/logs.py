"""`controlroom logs NAME`: what an agent did and what its logs say, as one stream, or one log alone; also without a daemon."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from controlroom.cli import logfiles, out, room
from controlroom.cli.logfiles import Row
from controlroom.cli.quick import FAILED, OK, USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import NoDaemon, Operator, Refused
from controlroom.model.view import LineView, LogSource, LogView, merged
from controlroom.sensing.index import Holding
from controlroom.storage import logbook
from controlroom.storage.logbook import Listed

MOST = 100_000  # lines of one call
WAIT_SECONDS = 10.0  # that the daemon holds a question back until there is something new


def logs(
    name: str,
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], negative="", help="go on with what comes, until Ctrl-C")
    ] = False,
    log: Annotated[str, Parameter(help="only this log of the agent: its path, or the end of it")] = "",
    search: Annotated[str, Parameter(help="only lines that hold this text, in all of the logs")] = "",
    lines: Annotated[int, Parameter(help="how many, at most 100,000")] = 100,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="one array of objects; with -f one object a line")
    ] = False,
) -> int:
    """Prints the newest lines, oldest first: what the agent did and what its logs say, or one log by itself (--log)."""
    if not 0 <= lines <= MOST:
        raise Failure(f"--lines {lines}: from 0 to {MOST:,}", USAGE)
    rule = _rule(search)
    listed = _listed(name)
    print_ = _Printer(as_json, follow, one=bool(log))
    if log:
        files = logfiles.Files([_named(listed, log)], rule, follow)
        print_.all(files.last(lines))
        print_.all(files.follow() if follow else ())
    elif follow and not search:
        print_.all(_stream(listed, lines))
    else:
        files = logfiles.Files([one.path for one in merged(listed.logs)], rule, follow)
        print_.all(logfiles.merged(files, room.places(), listed.session, lines, rule))
        print_.all(files.follow() if follow else ())
    print_.end()
    return OK


def _rule(search: str) -> Holding | None:
    if not search:
        return None
    try:
        return Holding(search)
    except ValueError as error:
        raise Failure(f"--search: {error}", USAGE) from None


def _listed(name: str) -> Listed:
    """The agent and its logs: as the daemon has them, else as they were known last."""
    try:
        with room.operator() as operator:
            rows = msgspec.convert(operator.call("logs", session=name), tuple[LogSource, ...])
            agent = next((row for row in operator.call("agents") if name in (row["id"], row["name"])), None)
            if agent is not None:
                return Listed(agent["id"], agent["name"], agent["kind"], rows)
    except NoDaemon:
        pass
    except Refused as error:
        if error.code != "not-found":
            raise
    known, wrong = logbook.load(room.places().agents)
    for why in wrong:
        out.tell(why)
    found = [one for one in known if name in (one.session, one.name)]
    if not found:
        names = ", ".join(dict.fromkeys(one.name for one in reversed(known))) or "none"
        raise Failure(f"no agent {name} is known; there are: {names}", FAILED)
    return found[-1]


def _named(listed: Listed, log: str) -> str:
    """The one log that is meant."""
    paths = [one.path for one in listed.logs]
    whole = str(Path(log).absolute())
    found = [path for path in paths if path in (log, whole)] or [path for path in paths if path.endswith(log)]
    if len(found) != 1:
        why = "is none of its logs" if not found else "means several of its logs"
        raise Failure(f"{log} {why}; {listed.name} has: {', '.join(paths) or 'none'}", USAGE)
    return found[0]


def _stream(listed: Listed, most: int) -> Iterator[Row]:
    """The merged stream from the daemon, for ever: the newest lines, then what comes."""
    try:
        operator = room.operator()
    except NoDaemon:
        out.tell("no daemon runs: lines of its logs come, events do not")
        files = logfiles.Files([one.path for one in merged(listed.logs)], None, following=True)
        yield from logfiles.merged(files, room.places(), listed.session, most, None)
        yield from files.follow()
        return
    with operator:
        yield from _followed(operator, listed, most)


def _followed(operator: Operator, listed: Listed, most: int) -> Iterator[Row]:
    after = event = 0
    first = True
    while True:
        logs_ = msgspec.convert(operator.call("logs", session=listed.session), tuple[LogSource, ...])
        paths = [one.path for one in merged(logs_)]
        wait = 0.0 if first else WAIT_SECONDS
        asked = {"session": listed.session, "after": after, "event": event, "paths": paths, "wait": wait}
        answer: dict[str, Any] = operator.call("log_lines", **asked)
        lines = msgspec.convert(answer["lines"], tuple[LineView, ...])
        events = msgspec.convert(answer["events"], tuple[LogView, ...])
        after = max([after, *(line.seq for line in lines)])
        event = max([event, *(one.seq for one in events)])
        rows = sorted([*map(logfiles.of_line, lines), *map(logfiles.of_event, events)], key=lambda row: row.at)
        if answer["missed"] and not first:
            yield logfiles.remark(f"{answer['missed']} lines came faster than they could be told; they are in the logs")
        yield from rows[max(0, len(rows) - most) :] if first else rows
        first = False


class _Printer:
    """Prints rows as they come: for people, as one array, or one object a line while following."""

    def __init__(self, as_json: bool, follow: bool, one: bool) -> None:
        self._json, self._follow, self._one = as_json, follow, one
        self._rows: list[dict[str, object]] = []

    def all(self, rows: Iterable[Row]) -> None:
        """Each of them."""
        for row in rows:
            if row.remark:
                out.tell(row.text)
            elif not self._json:
                print(
                    row.text if self._one else f"{_clock(row.at)}  {row.source:12} {row.level:5} {row.text}", flush=self._follow
                )
            elif self._follow:
                print(out.as_json(row.as_object()), flush=True)
            else:
                self._rows.append(row.as_object())

    def end(self) -> None:
        """The array, where it is one."""
        if self._json and not self._follow:
            out.print_json(self._rows)


def _clock(wall: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(wall / 1e9)) if wall else "--:--:--"
