"""Which files each session touched: as its released calls named them, and as the disk showed it. Bounded.

A change that no call named is "seen on disk, no call": of all sessions that work in the folder, for the disk does not say who.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from controlroom.daemon.runner import Runner
from controlroom.model.agent import OVER, Session
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.record import Kind, Receipt, Record
from controlroom.model.tier import Verdict
from controlroom.model.touched import Did, FilesView, FileView, OpenFile, Seen
from controlroom.sensing.changes import Change
from controlroom.sensing.watch import Watch

MOST_ROWS = 2_000  # files of one session
MOST_SESSIONS = 256
MOST_WATCHES = 64
MOST_CHANGES = 4_000  # of one batch; the others are counted
MOST_NAMED = 50  # paths of one kind in a receipt
SETTLE_SECONDS = 0.5  # after an act's end, until what it did has been told by the disk
GRACE_SECONDS = 2.0  # after its end, in which a change is still its own: buffers, children that end
TICK = 10_000_000  # ns by which the clock of a file system may be behind
READS = (EffectKind.READ, EffectKind.SECRETS)
CHANGES: dict[EffectKind, Did] = {
    EffectKind.CREATE: "created",
    EffectKind.WRITE: "written",
    EffectKind.DELETE: "deleted",
    EffectKind.META: "written",
    EffectKind.CONFIG: "written",
}
ENDS = (Kind.OUTCOME, Kind.INTERRUPTED, Kind.UNDELIVERED)


class _Act:
    """A released act, and what changed while it was under way."""

    def __init__(self, receipt: Receipt, begun: Instant) -> None:
        effects = receipt.intent.assessment.effects
        self.id, self.session, self.call = receipt.id, receipt.session, receipt.intent.call
        self.targets = frozenset(t.path for e in effects if e.kind in CHANGES for t in e.targets)
        self.loud = any(e.kind not in READS for e in effects)
        self.begun = begun
        self.ended: Instant | None = None
        self._seen: dict[str, dict[str, None]] = {"created": {}, "written": {}, "deleted": {}}

    def is_open(self, now: Instant, grace: float) -> bool:
        return self.ended is None or now.seconds_since(self.ended) <= grace

    def follows(self, other: "_Act") -> bool:
        """Whether it began when the other one of the same session was over."""
        return self.session == other.session and other.ended is not None and self.begun.boot >= other.ended.boot

    def names(self, paths: Iterable[str]) -> bool:
        """Whether its call named one of these as something that it changes."""
        return not self.targets.isdisjoint(paths)

    def saw(self, change: Change) -> None:
        """A file that was made and written is made; one that was made and is gone left nothing behind but its name."""
        if change.what != "written" or change.path not in self._seen["created"]:
            self._seen[change.what][change.path] = None

    def seen(self, others: int, why: str) -> Seen:
        lists = {what: tuple(paths)[:MOST_NAMED] for what, paths in self._seen.items()}
        more = sum(len(paths) for paths in self._seen.values()) - sum(map(len, lists.values()))
        return Seen(**lists, more=more, others=others, why=why)

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to tell: it only read, and nothing changed meanwhile."""
        return not self.loud and not any(self._seen.values())


class _Rows:
    """The files of one session, newest last."""

    def __init__(self) -> None:
        self.seq = 0
        self.dropped = 0
        self.kept: OrderedDict[tuple[str, bool], FileView] = OrderedDict()

    def put(self, row: FileView) -> None:
        key = (row.path, row.did == "read")
        known = self.kept.pop(key, None)
        if known is not None:
            row = msgspec.structs.replace(row, times=known.times + 1, never=row.never or known.never)
        self.kept[key] = row
        self.seq += 1
        while len(self.kept) > MOST_ROWS:
            self.kept.popitem(last=False)
            self.dropped += 1


class Touched:
    """`note` takes every record; watches tell the rest. All of it on the daemon's loop."""

    def __init__(self, runner: Runner, own: Iterable[str], watch: Callable[..., Watch] = Watch) -> None:
        """`own`: folders of ours, of which nothing is told."""
        self._runner = runner
        self._own = tuple(f"{folder.rstrip('/')}/" for folder in own)
        self._make = watch
        self._watches: dict[str, Watch] = {}
        self._tops: dict[str, str] = {}  # workspace → where it really is
        self._rows: OrderedDict[str, _Rows] = OrderedDict()
        self._acts: dict[str, _Act] = {}
        self._news = asyncio.Event()
        self.on_changes: Callable[[list[Change]], None] = lambda changes: None

    # What happens

    def note(self, record: Record) -> None:
        """A record went into the journal."""
        if record.kind is Kind.SESSION:
            self.follow()
        elif record.kind is Kind.DECISION and record.receipt:
            receipt = self._runner.ledger.get(record.receipt)
            if receipt is not None and receipt.decision and receipt.decision.verdict is Verdict.ALLOW:
                self._released(receipt, record.at)
        elif record.kind in ENDS and record.receipt in self._acts:
            act = self._acts[record.receipt]
            act.ended = record.at
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle, act)

    def follow(self) -> None:
        """Watch the workspaces of the sessions that are not over, and no others."""
        wanted = dict.fromkeys(self._top(s.workspace) for s in self._alive())
        for gone in self._watches.keys() - wanted.keys():
            self._watches.pop(gone).close()
        loop = asyncio.get_running_loop()
        for top in list(wanted)[:MOST_WATCHES]:
            if top not in self._watches:

                def told(changes: list[Change], top: str = top) -> None:
                    loop.call_soon_threadsafe(self.take, top, changes)

                self._watches[top] = self._make(top, told)

    def take(self, top: str, changes: list[Change]) -> None:
        """What a watch has told."""
        self.on_changes(changes)
        now = self._runner.clock()
        sessions = [s.id for s in self._alive() if self._top(s.workspace) == top]
        acts = [a for a in self._acts.values() if a.session in sessions and a.is_open(now, GRACE_SECONDS)]
        for change in changes[:MOST_CHANGES]:
            if not f"{change.path}/".startswith(self._own):
                self._one(change, top, sessions, acts, now)
        for session in sessions:
            self._of(session).dropped += max(0, len(changes) - MOST_CHANGES)
        self._tell()

    def violated(self, path: str, did: Did, sessions: Iterable[str]) -> None:
        """A never-touch member changed while these sessions could have done it."""
        for session in sessions:
            self._of(session).put(FileView(path, did, self._runner.clock(), seen=True, never=True))
        self._tell()

    # What is asked

    def deletes(self, workspace: str) -> int | None:
        """Files that vanished in the last minute; None = not watched."""
        watch = self._watches.get(self._top(workspace))
        return watch.deletes() if watch else None

    def writes(self, workspace: str) -> int | None:
        """Files that were made or changed in the last minute, each time counted; None = not watched."""
        watch = self._watches.get(self._top(workspace))
        return watch.writes() if watch else None

    def how(self, workspace: str) -> str:
        """How the folder is followed, in words, "" = as it should be."""
        watch = self._watches.get(self._top(workspace))
        if watch is None:
            return f"not watched: more than {MOST_WATCHES} folders" if len(self._watches) >= MOST_WATCHES else "not watched"
        if watch.why:
            return f"not watched: {watch.why}"
        return f"looked at every second, the kernel cannot watch it: {watch.polled}" if watch.polled else ""

    def view(self, session: str, workspace: str, most: int, opened: tuple[OpenFile, ...] = ()) -> FilesView:
        """The newest rows of a session, violations before all others."""
        rows = self._of(session)
        newest = list(reversed(rows.kept.values()))
        newest.sort(key=lambda row: not row.never)
        how, deletes = self.how(workspace), self.deletes(workspace)
        return FilesView(rows.seq, tuple(newest[:most]), len(rows.kept), rows.dropped, how, deletes, opened)

    def find(self, session: str, path: str) -> list[FileView]:
        """The rows of one path."""
        rows = self._of(session)
        return [row for key in ((path, False), (path, True)) if (row := rows.kept.get(key))]

    async def changed(self, session: str, seq: int, seconds: float) -> None:
        """Wait until there is something newer than `seq`, at most so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._of(session).seq == seq and (left := end - loop.time()) > 0:
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return

    def close(self) -> None:
        """End all watches."""
        for watch in self._watches.values():
            watch.close()

    # Inside

    def _alive(self) -> list[Session]:
        return [h.session for h in self._runner.state.sessions.values() if h.session.state not in OVER]

    def _top(self, workspace: str) -> str:
        if workspace not in self._tops:
            self._tops[workspace] = os.path.realpath(workspace)
        return self._tops[workspace]

    def _of(self, session: str) -> _Rows:
        rows = self._rows.setdefault(session, _Rows())
        while len(self._rows) > MOST_SESSIONS:
            self._rows.popitem(last=False)
        return rows

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _released(self, receipt: Receipt, at: Instant) -> None:
        self._acts[receipt.id] = act = _Act(receipt, at)
        rows = self._of(receipt.session)
        for effect in receipt.intent.assessment.effects:
            did: Did | None = "read" if effect.kind in READS else CHANGES.get(effect.kind)
            for target in effect.targets if did else ():
                if did and target.path.startswith("/"):
                    rows.put(FileView(target.path, did, at, target.size, act.call, act.id))
        self._tell()

    def _one(self, change: Change, top: str, sessions: list[str], acts: list[_Act], now: Instant) -> None:
        path = _folded(change.path)
        names = _names(path, top)
        acts = [act for act in acts if _during(act, change, names, acts)]
        for act in acts:
            act.saw(change)
        row = FileView(path, change.what, now, change.size, seen=True)
        named = {act.session: act for act in acts if act.names(names)}
        for act in named.values():
            self._of(act.session).put(msgspec.structs.replace(row, call=act.call, receipt=act.id))
        for session in () if named else sessions:
            under_way = [act.id for act in acts if act.session == session]
            during = under_way[0] if len(under_way) == 1 else ""
            self._of(session).put(msgspec.structs.replace(row, during=during))

    def _settle(self, act: _Act) -> None:
        """Write down what was seen; the act stays a little longer for what comes late."""
        held = self._runner.state.sessions.get(act.session)
        if held is not None and not act.quiet:
            top = self._top(held.session.workspace)
            others = sum(1 for s in self._alive() if s.id != act.session and self._top(s.workspace) == top)
            self._runner.record(Kind.SEEN, act.seen(others, self.how(held.session.workspace)), act.session, act.id)
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._acts.pop, act.id, None)


def _during(act: _Act, change: Change, names: list[str], acts: list[_Act]) -> bool:
    """Whether a change may belong to an act, of those that are under way or just over. Of two acts of one session that came one
    after the other it belongs to the one that named it, else to the one in whose time it was made; to both where neither tells.
    """
    if act.names(names):
        return True
    before = [other for other in acts if act.follows(other)]
    after = [other for other in acts if other.follows(act)]
    if any(other.names(names) for other in (*before, *after)):
        return False
    if not change.changed:
        return True
    if any(change.changed >= other.begun.wall for other in after):
        return False
    return not any(other.begun.wall <= change.changed < act.begun.wall - TICK for other in before)


def _folded(path: str) -> str:
    """What git keeps for itself is one row; its settings and hooks are not its own."""
    head, found, tail = path.partition("/.git/")
    return f"{head}/.git" if found and not tail.startswith(("config", "hooks/", "info/attributes")) else path


def _names(path: str, top: str) -> list[str]:
    """The path and all folders above it, up to the workspace."""
    names = [path]
    while len(path) > len(top) and "/" in path:
        path = path.rpartition("/")[0]
        names.append(path)
    return names
