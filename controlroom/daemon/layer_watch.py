"""Sees every file change that an agent reads beside its task: who did it, what it weakens, and what was there before (G05).

Of agents that are installed, what their user set for all workspaces is watched without a session too; and what was seen last is
kept, so that a change made while no daemon looked is told at the next one's start.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread
import msgspec

from controlroom.agents import layers, signs
from controlroom.agents.command import hook_file, interpreter
from controlroom.agents.gated import GATED
from controlroom.agents.known import kind_of
from controlroom.agents.layers import Layer
from controlroom.agents.strict import BadJson, canonical
from controlroom.agents.weakening import only_gate, weakens
from controlroom.containment import processes
from controlroom.core.layers import QUIET
from controlroom.daemon import words
from controlroom.daemon.changes import Changes
from controlroom.daemon.last_seen import Kept, LastSeen
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.agent import OVER, ProcessId, Session
from controlroom.model.clock import SECOND
from controlroom.model.permissions import LayerChange
from controlroom.model.record import Receipt
from controlroom.model.tier import Verdict
from controlroom.model.use import Capability
from controlroom.sensing import declarations, environ
from controlroom.sensing.watched import PATIENCE, Content, Seen, Watched
from controlroom.storage import versions
from controlroom.storage.paths import Insecure, Places
from controlroom.text.difference import difference
from controlroom.text.redact import Mark

LOOK_SECONDS = 0.5  # a change is told after two looks that agree: within the promised 2 s
QUIET_SECONDS = 2.0  # between two looks while no session runs
UNWATCHED = "since a daemon looked last, by whom is not known"
SLACK_SECONDS = 3.0  # between a call's end and the look that sees what it did
MOST_VERSIONS = 100  # of one file
MOST_DECLARED = 12  # lines of one change


class _Known(NamedTuple):
    """A watched path: as which layer, of which kind of agent, and the sessions whose agents read it."""

    layer: Layer
    kind: str
    sessions: tuple[str, ...]


class LayerWatch:
    """Looks at the files of every session that is not over, and at those that installed agents read in any workspace."""

    def __init__(
        self, runner: Runner, places: Places, home: str, mark: Mark, root: Callable[[Session], ProcessId | None], before: bool
    ) -> None:
        """`root`: the first process of a session, as far as there is one; `before`: whether there was a daemon before. Raises
        OSError.
        """
        self._runner, self._places, self._home, self._mark = runner, places, home, mark
        self._first = root
        ours = (places.runtime, interpreter(), hook_file())
        self._hooks = {kind: agent.settings.hooks(*ours) for kind, agent in GATED.items()}
        self._kept = LastSeen(places.state)
        self._earlier, why = self._kept.load(expected=before)
        self._trouble = (
            why and f"what was seen last of the files that agents read is not known: {why}; changes since are not told"
        )
        self._told = ""
        self._compares = PATIENCE if self._earlier else 0  # looks until all that changed meanwhile is told
        self._watched = Watched({name: kept.files for name, kept in self._earlier.items()})
        self._environments: dict[str, Mapping[str, str]] = {}
        self._heard: dict[str, str] = {}
        self._looked = 0  # wall clock of the last look

    def heard(self, session: str, agent: str) -> None:
        """A hook of this kind of agent spoke in this session: of one that nobody launched, this tells what it is."""
        self._heard[session] = agent

    def kind(self, session: Session) -> str:
        """Which agent runs in a session, as far as is known."""
        known = session.kind if session.kind in layers.table() else self._heard.get(session.id)
        return known or kind_of(session.command) or session.kind

    def root(self, session: Session) -> ProcessId | None:
        """Its first process while that lives; None = it is gone, or there is none that is known."""
        first = self._first(session)
        return first if first is not None and processes.is_alive(first) else None

    def environment(self, session: Session) -> Mapping[str, str]:
        """Of its first process, as it was started; {} where the kernel does not show it. Blocking at its first call."""
        if session.id not in self._environments:
            root = self.root(session)
            try:
                self._environments[session.id] = environ.of(root.pid) if root else {}
            except environ.Unreadable:
                self._environments[session.id] = {}
        return self._environments[session.id]

    def places(self, session: Session) -> tuple[layers.Place, ...]:
        """Where the files of its agent lie. Blocking at its first call."""
        return layers.places(self.kind(session), self._home, session.workspace, self.environment(session))

    def take(self, changes: Changes, change: str, by: str) -> bool:
        """An operator takes a change as it is; False = there is none such."""
        if changes.get(change) is None:
            return False
        self._runner.feed(ev.LayerTaken(self._runner.clock(), change, by))
        return True

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await anyio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look at every file once, tell what changed, and keep what was seen."""
        alive = [h.session for h in self._runner.state.sessions.values() if h.session.state not in OVER]
        if not alive and not self._compares and 0 <= self._runner.clock().wall - self._looked < round(QUIET_SECONDS * SECOND):
            return
        known = {s.id for s in alive}
        self._environments = {s: found for s, found in self._environments.items() if s in known}
        self._heard = {s: kind for s, kind in self._heard.items() if s in known}
        since, self._looked = self._looked, self._runner.clock().wall
        found, groups = await anyio.to_thread.run_sync(self._look, alive)
        for seen, known_as in found:
            self._tell(seen, known_as, since)
        if self._trouble and self._trouble != self._told:
            self._runner.alarm("config", self._trouble)
        self._told = self._trouble
        self._compares = max(0, self._compares - 1)
        if not self._compares:  # not before: what is kept then is what the next daemon compares with
            self._earlier = {}
            await anyio.to_thread.run_sync(self._keep, groups)

    def _look(self, sessions: list[Session]) -> tuple[list[tuple[Seen, _Known]], dict[str, Kept]]:
        """What changed, and all that is watched. Blocking."""
        groups: dict[str, list[str]] = {}
        known: dict[str, _Known] = {}
        kept: dict[str, Kept] = {}
        for kind, place, reader in self._wanted(sessions):
            name = f"{kind}\0{place.path}"
            if name not in groups:
                groups[name] = list(layers.present(place))
                kept[name] = Kept(kind, place.layer, place.path, {})
            # Files of a pattern that were there at the last look may be gone now: who reads them must still be known.
            for path in dict.fromkeys([*groups[name], *self._watched.group(name)]):
                before = known.get(path)
                readers = dict.fromkeys([*before.sessions, *reader] if before else reader)
                known[path] = _Known(place.layer, kind, tuple(readers))
        found = []
        for seen in self._watched.look(groups):
            if seen.path in known and (told := narrowed(seen, known[seen.path].layer)):
                found.append((told, known[seen.path]))
        return found, kept

    def _wanted(self, sessions: list[Session]) -> Iterator[tuple[str, layers.Place, tuple[str, ...]]]:
        """Which layers of which kind of agent are watched, and the session that reads them; () = none that runs."""
        for session in sessions:
            kind = self.kind(session)
            yield from ((kind, place, (session.id,)) for place in self.places(session))
        for kind in layers.installed(self._home, os.environ):
            for place in layers.everywhere(kind, self._home, os.environ):
                if place.layer.role not in QUIET:
                    yield kind, place, ()
        yield from ((kept.kind, kept.place, ()) for kept in self._earlier.values())

    def _keep(self, groups: Mapping[str, Kept]) -> None:
        """Blocking."""
        loud = {name: kept for name, kept in groups.items() if kept.layer.role not in QUIET}
        try:
            self._kept.save({name: msgspec.structs.replace(kept, files=self._seen(name, kept)) for name, kept in loud.items()})
            self._trouble = ""
        except OSError as e:
            self._trouble = f"what was seen of the files that agents read cannot be kept: {e}; a next daemon will tell less"

    def _seen(self, name: str, kept: Kept) -> dict[str, Content | None]:
        """Of files that hold more than what matters, only that is kept: they may be an agent's login."""
        only, files = kept.layer.only, self._watched.seen(name)
        return {path: _only(content, only, path) if only else content for path, content in files.items()}

    def _tell(self, seen: Seen, known: _Known, since: int) -> None:
        before, after = (content.data if content else None for content in (seen.before, seen.after))
        receipt, who = (None, UNWATCHED) if seen.unwatched else self._who(seen.path, known.sessions, since)
        confirmed = receipt is not None and _by_operator(receipt)
        culprit = receipt.session if receipt else ""
        change = LayerChange(
            id=secrets.token_hex(8),
            path=seen.path,
            role=known.layer.role,
            agent=known.kind,
            what=seen.what,
            who=who,
            diff=self._diff(seen),
            receipt=receipt.id if receipt else "",
            confirmed=confirmed,
            weakens=_weakens(known, seen),
            declares=_declares(known.kind, seen.path, before, after),
            gate=known.kind in GATED
            and only_gate(seen.path, before, after, self._hooks[known.kind], GATED[known.kind].settings.HEAD),
            before=seen.before.sha256 if seen.before else "",
            after=seen.after.sha256 if seen.after else "",
        )
        kept = "" if confirmed or known.layer.only else self._save(seen.path, before)  # a part of a file is no version of it
        sessions = tuple(sorted(known.sessions, key=lambda session: session != culprit))
        self._runner.feed(ev.LayerSeen(self._runner.clock(), sessions, change, self._text(change, kept)))

    def _diff(self, seen: Seen) -> str:
        for content in (seen.before, seen.after):
            if content is not None and content.data is None:
                return f"no difference is shown: the file {content.why or 'was not kept as it was'}"
        old, new = ((c.data or b"").decode("utf-8", "replace") if c else "" for c in (seen.before, seen.after))
        return difference(seen.path, old, new, self._mark)

    def _who(self, path: str, sessions: tuple[str, ...], since: int) -> tuple[Receipt | None, str]:
        """The call that said it would do this, else what ran at the time; the rest is nobody's."""
        running = [r for r in self._runner.ledger.all() if _ran(r, since)]
        real = os.path.realpath(path)
        for receipt in reversed(running):
            if {path, real} & _targets(receipt):
                return receipt, f"by {_named(receipt)}"
        beside = [r for r in running if r.session in sessions]
        if beside:
            return None, f"on disk, no call named it; meanwhile ran {_named(beside[-1])}"
        return None, "on disk, no call"

    def _save(self, path: str, before: bytes | None) -> str:
        """Keep what was there, so that an operator can put it back; in words what came of it, "" = there was nothing."""
        if before is None:
            return ""
        file = Path(os.path.realpath(path))
        try:
            found = versions.load_all(self._places, file)
            if len(found) >= MOST_VERSIONS:
                return f"{MOST_VERSIONS} earlier versions are kept, not this one"
            versions.save(self._places, file, before)
        except (OSError, Insecure) as e:
            return f"the earlier version could not be kept: {e}"
        return f"put it back: controlroom config rollback {path}"

    def _text(self, change: LayerChange, kept: str) -> str:
        gate = "our gate was put in, and nothing else" if change.gate else ""
        said = [f"{change.path} was {change.what} {change.who}", gate, *change.weakens, *change.declares[:3], kept]
        return "; ".join(part for part in said if part)


def narrowed(seen: Seen, layer: Layer) -> Seen | None:
    """Of a file that its agent writes all the time, only the keys that matter; None = those are as they were."""
    if layer.but and _without(seen.before, layer.but, seen.path) == _without(seen.after, layer.but, seen.path) is not None:
        return None
    if not layer.only:
        return seen
    before, after = (_only(content, layer.only, seen.path) for content in (seen.before, seen.after))
    return None if _held(before) == _held(after) else seen._replace(before=before, after=after)


def _without(content: Content | None, keys: tuple[str, ...], path: str) -> dict[str, object] | None:
    """All that a settings file holds but these keys; None = that cannot be told, or it is not there."""
    if content is None or content.data is None:
        return None
    try:
        return {key: value for key, value in signs.settings(path, content.data).items() if key not in keys}
    except BadJson:
        return None


def _held(content: Content | None) -> tuple[bytes | None, str]:
    """What it holds of these keys; a file that is not there holds none."""
    return (content.data, content.why) if content is not None else (b"", "")


def _only(content: Content | None, keys: tuple[str, ...], path: str) -> Content | None:
    if content is None or content.data is None:
        return content
    try:
        given = signs.settings(path, content.data) if content.data.strip() else {}
    except BadJson as e:
        return Content(None, "", 0, 0, (0, 0), f"cannot be read: {e}")
    kept = {key: given[key] for key in keys if key in given}
    data = canonical(kept).replace(',"', ',\n"').encode() if kept else b""
    return Content(data, hashlib.sha256(data).hexdigest(), 0, 0, (0, 0))


def _weakens(known: _Known, seen: Seen) -> tuple[str, ...]:
    unreadable = seen.after is not None and seen.after.data is None and known.layer.role in ("settings", "code")
    if unreadable and seen.after is not None:
        return (f"it {seen.after.why}: what the agent makes of it is not known",)
    before, after = (content.data if content else None for content in (seen.before, seen.after))
    return weakens(known.kind, seen.path, known.layer.role, before, after) if seen.what != "owner or mode" else ()


def _declares(kind: str, path: str, before: bytes | None, after: bytes | None) -> tuple[str, ...]:
    """What the file lets the agent do now and did not before, and the reverse."""
    old, new = (
        {
            (str(row.verb), str(row.kind), row.scope)
            for row in declarations.of(kind, path, (data or b"").decode("utf-8", "replace"))
        }
        for data in (before, after)
    )
    new, old = (_summed(rows) for rows in (new, old))
    told = [f"it declares now: {verb} {what} {scope}".rstrip() for verb, what, scope in sorted(new - old)]
    told += [f"it declares no longer: {verb} {what} {scope}".rstrip() for verb, what, scope in sorted(old - new)]
    more = [f"and {len(told) - MOST_DECLARED} more"] if len(told) > MOST_DECLARED else []
    return tuple(told[:MOST_DECLARED] + more)


def _summed(rows: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """All kinds of one verb everywhere are one row."""
    whole = {verb for verb in {row[0] for row in rows} if all((verb, kind, "*") in rows for kind in Capability)}
    return {row for row in rows if row[0] not in whole} | {(verb, "everything", "") for verb in whole}


def _ran(receipt: Receipt, since: int) -> bool:
    """Whether its act was released, and not over long before the last look."""
    allowed = receipt.decision is not None and receipt.decision.verdict is Verdict.ALLOW
    return allowed and (receipt.ended is None or receipt.ended.wall >= since - round(SLACK_SECONDS * SECOND))


def _targets(receipt: Receipt) -> set[str]:
    a = receipt.intent.assessment
    return {t.path for t in a.targets} | {t.path for e in a.effects if e.kind != "read" for t in e.targets}


def _by_operator(receipt: Receipt) -> bool:
    return receipt.decision is not None and receipt.decision.by.startswith("operator:")


def _named(receipt: Receipt) -> str:
    action = receipt.intent.action
    by = f", allowed by {receipt.decision.by}" if receipt.decision else ""
    return f"{receipt.intent.agent}'s call {action.tool}: {words.brief(action)[:120]}{by} (receipt {receipt.id[:8]})"
