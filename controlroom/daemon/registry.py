"""Sessions as the daemon meets them: launched, adopted, met again after a restart, or first heard of at the gate."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import anyio.to_thread
import msgspec

from controlroom.agents.known import kind_of
from controlroom.containment import hold, orphans, processes
from controlroom.containment.adopt import Moved, move
from controlroom.containment.cage import thrown_away
from controlroom.containment.rungs import Probe
from controlroom.daemon import peers
from controlroom.daemon.config import Configuration
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.agent import OVER, Handle, Label, ProcessId, Rung, Session, SessionState
from controlroom.model.record import Kind
from controlroom.model.settings import DEFAULT, Profile
from controlroom.storage import handles as shelf
from controlroom.storage.paths import Places

MOST_LANES = 64
UNWATCHED = "the daemon before this one was ended by nobody's order, and what it did meanwhile was not seen"
LOOK_SECONDS = 1.0  # between a watched process's end and the look at what is left of its session


class AlreadyHeld(ValueError):
    """A process that is to be taken in belongs to a session."""


class Registry:
    """Finds the session of a peer, opens sessions and notices their end."""

    def __init__(self, runner: Runner, places: Places, configuration: Configuration) -> None:
        self._configuration = configuration
        self._runner = runner
        self._places = places
        self._adopted: dict[ProcessId, str] = {}  # roots of adopted sessions and of lanes
        runner.on_forget = self._forget

    def find(self, peer: peers.Peer) -> str | None:
        """The session that holds this peer, by kernel facts; None = a stranger."""
        supervised = peers.session_of(peer, list(self._runner.handles.values()))
        if supervised:
            return supervised
        for process in (peer.process, *peer.ancestors):
            if process in self._adopted:
                return self._adopted[process]
        return None

    def root(self, session: Session) -> ProcessId | None:
        """The first process of a session: the agent's own, of a lane the one that its hooks come from; None = not known."""
        return session.root or next((process for process, known in self._adopted.items() if known == session.id), None)

    def lane(self, peer: peers.Peer, claim: str, workspace: str) -> str | None:
        """The session of a stranger: a lane of its own, without process to take hold of. None = too many lanes."""
        found = self.find(peer)
        if found:
            return found
        open_ = [h.session for h in self._runner.state.sessions.values() if h.session.state not in OVER]
        if sum(1 for s in open_ if not s.supervised) >= MOST_LANES:
            return None
        root = peers.lane_root(peer)
        session = self._new(f"{claim}-{root.pid}", "unknown", workspace, Label.ADVISORY, Rung.OBSERVED, None)
        self._runner.feed(ev.SessionOpened(self._runner.clock(), session))
        self._adopted[root] = session.id
        self._watch(session.id, root)
        return session.id

    async def adopt(self, pid: int, name: str, probe: Probe) -> tuple[Session, Moved]:
        """Supervise a process that already runs, in a cgroup of its own where it can be moved. Raises ValueError."""
        if pid in (1, os.getpid()):
            raise ValueError(f"process {pid} is {'the machine' if pid == 1 else 'this daemon'} itself: a stop would hit it")
        root = processes.identify(pid)
        if root is None:
            raise ValueError(f"no process {pid}")
        if root in self._adopted:
            raise AlreadyHeld(f"process {pid} is already session {self._adopted[root]}")
        known = processes.session_of(pid, list(self._runner.handles.values()))
        if known:
            raise AlreadyHeld(f"process {pid} is already held by session {known}")
        try:
            workspace = os.readlink(f"/proc/{pid}/cwd")
        except OSError as e:
            raise ValueError(f"the working folder of process {pid} cannot be read: {e.strerror}") from e
        kind = kind_of(processes.cmdline(pid).decode("utf-8", "backslashreplace").split("\0")) or "process"
        name = name or (f"adopted-{pid}" if kind == "process" else kind)
        session = self._new(name, kind, workspace, Label.ADVISORY, Rung.OBSERVED, root)
        self._adopted[root] = session.id
        leaf, moved = probe.leaf(f"adopted-{session.id}"), Moved("", 0, probe.why)
        if leaf:
            moved = await anyio.to_thread.run_sync(move, root, leaf)
        rung = Rung.CGROUP if moved.leaf else Rung.OBSERVED
        session = msgspec.structs.replace(session, rung=rung)
        handle = Handle(session.id, session.name, rung, root, cgroup=moved.leaf)
        shelf.save(self._places.agents, handle)
        self._runner.handles[session.id] = handle
        self._runner.feed(ev.SessionOpened(self._runner.clock(), session))
        self._watch(session.id, root)
        return session, moved

    def plan(self, name: str, kind: str, workspace: str, command: tuple[str, ...], rung: Rung, profile: Profile) -> Session:
        """A session that is about to be launched; nothing is opened yet."""
        label = Label.SUPERVISED if rung is not Rung.OBSERVED else Label.ADVISORY
        return self._new(name, kind, workspace, label, rung, None, command, profile)

    def launched(self, session: Session, handle: Handle) -> ev.SessionOpened:
        """The event that opens a launched session, with the agent's first process not yet let go."""
        self._runner.handles[handle.session] = handle
        return ev.SessionOpened(self._runner.clock(), session)

    def watch_launched(self, handle: Handle) -> None:
        """Notice the end of a launched session even if its shim never tells."""
        root = handle.shim or handle.root
        if root:
            self._watch(handle.session, root)

    def meet_again(self, sessions: dict[str, Session], base: str, *, dismissed: bool) -> None:
        """After a restart: of what is gone the end is recorded. What lives goes on where an operator had ended the daemon; else
        nobody knows who did (an agent can), and it is frozen until somebody has looked (K17). `base`: of the sessions' leaves.
        """
        review = "" if dismissed else UNWATCHED
        found = shelf.scan(self._places.agents)
        for trouble in found.unreadable:
            self._runner.alarm("handle", f"a session cannot be taken hold of, its handle cannot be read: {trouble}")
        alive = [handle for handle in found.handles if hold.lives(handle)]
        if not found.unreadable:  # else a leaf might be of one of these
            orphans.clear(base, {handle.session for handle in found.handles})
        for gone in [h for h in found.handles if h not in alive]:
            shelf.drop(self._places.agents, gone.session)
            hold.clear(gone)  # its shim was killed, or the machine went down with it
        ends = {handle.session: handle for handle in found.handles if handle not in alive and handle.end}
        for session in sessions.values():
            if session.state not in OVER and session.id not in {h.session for h in alive}:
                end = ends.get(session.id)
                state, note = (SessionState.ENDED, end.end) if end else (SessionState.LOST, "gone when the daemon came back")
                self._runner.record(Kind.SESSION, {"state": state, "note": note}, session.id)
        for end in ends.values():
            self.thrown(end.session, end.thrown)
        self._clear_cages({handle.session for handle in alive})
        for handle in alive:
            self._runner.handles[handle.session] = handle
            known = sessions.get(handle.session) or self._unknown(handle)
            session = msgspec.structs.replace(known, state=_found_state(known, handle))
            self._runner.feed(ev.SessionOpened(self._runner.clock(), session, review=review))
            if handle.rung is Rung.OBSERVED and handle.root:
                self._adopted[handle.root] = handle.session
            self.watch_launched(handle)

    def _clear_cages(self, alive: set[str]) -> None:
        """What a shim that was killed could not take away: the folder of a session behind walls."""
        cages = self._places.state / "cages"
        for name in os.listdir(cages) if cages.is_dir() else ():
            if name not in alive:
                self.thrown(name, _take_away(cages / name))

    def thrown(self, session: str, names: Sequence[str]) -> None:
        """What was in a throw-away home or temporary folder stands in the session's record (`cage.thrown_away`)."""
        if names:
            self._runner.record(Kind.THROWN, {"names": names}, session)

    def _unknown(self, handle: Handle) -> Session:
        """A session that lives and that the journal does not know: all its calls are denied until an operator resumes it."""
        supervised = handle.rung is not Rung.OBSERVED
        return Session(
            handle.session,
            handle.name,
            "process",
            Label.SUPERVISED if supervised else Label.ADVISORY,
            handle.rung,
            str(self._places.runtime),  # where it works is not known: nothing counts as inside
            self._runner.clock(),
            state=SessionState.UNCONFIRMED,
            supervised=supervised,
            root=handle.root,
        )

    def _new(
        self,
        name: str,
        kind: str,
        workspace: str,
        label: Label,
        rung: Rung,
        root: ProcessId | None,
        command: tuple[str, ...] = (),
        profile: Profile | None = None,
    ) -> Session:
        profile = profile or self._configuration.profile(DEFAULT)
        taken = {h.session.name for h in self._runner.state.sessions.values()}
        unique, n = name, 2
        while unique in taken or unique in ("all", "controlroom"):
            unique, n = f"{name}-{n}", n + 1
        supervised = label is not Label.ADVISORY
        return Session(
            secrets.token_hex(8),
            unique,
            kind,
            label,
            rung,
            workspace,
            self._runner.clock(),
            supervised=supervised,
            command=command,
            root=root,
            profile=profile.name,
            trips=profile.rules.trips,
        )

    def _watch(self, session: str, process: ProcessId) -> None:
        pidfd = processes.open_pidfd(process)
        if pidfd is None:
            self._gone(session, "its process was gone")
            return
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            loop.call_later(LOOK_SECONDS, self._gone, session, "its process is gone")

        loop.add_reader(pidfd, gone)

    def _gone(self, session: str, note: str, told: bool = False) -> None:
        """A watched process has ended: so has its session, unless some of it lives on (a shim that was killed)."""
        handle = self._runner.handles.get(session)
        if handle is None or not hold.lives(handle):
            unsure = handle is not None and handle.rung is Rung.SUBREAPER and handle.shim is not None
            state = SessionState.LOST if unsure else SessionState.ENDED
            self._runner.feed(ev.SessionEnded(self._runner.clock(), session, state, note))
            return
        if not told:
            self._runner.alarm("shim", "the session's shim is gone and the agent lives on; it can still be stopped", session)
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self._gone, session, note, True)

    def _forget(self, session: Session) -> None:
        self._adopted = {p: s for p, s in self._adopted.items() if s != session.id}
        handle = self._runner.handles.pop(session.id, None)
        self.thrown(session.id, shelf.thrown(self._places.agents, session.id))
        shelf.drop(self._places.agents, session.id)
        if handle is not None:
            hold.clear(handle)
            cage = self._places.state / "cages" / session.id
            if cage.exists() and not hold.lives(handle):
                self._runner.spawn(self._clear_cage(session.id, cage))

    async def _clear_cage(self, session: str, cage: Path) -> None:
        self.thrown(session, await anyio.to_thread.run_sync(_take_away, cage))


def _take_away(own: Path) -> list[str]:
    """Remove a session's own folder; what was thrown away with it."""
    names = thrown_away(str(own))
    shutil.rmtree(own, ignore_errors=True)
    return names


def _found_state(session: Session, handle: Handle) -> SessionState:
    """How a session that lived on is found: the kernel's word first, then what was recorded of it last."""
    if handle.rung is not Rung.CGROUP:
        return session.state if session.state in (SessionState.RUNNING, SessionState.PAUSED) else SessionState.UNCONFIRMED
    try:
        if hold.is_frozen(handle):
            return SessionState.PAUSED
    except OSError:
        return SessionState.UNCONFIRMED
    return SessionState.RUNNING if session.state is SessionState.RUNNING else SessionState.UNCONFIRMED
