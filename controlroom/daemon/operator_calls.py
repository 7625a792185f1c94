"""What operators can call (docs/protocol.md): each method reads the state or feeds the core one event."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable

import anyio.to_thread
import msgspec

from controlroom import __version__
from controlroom.containment import hold
from controlroom.containment.rungs import Probe
from controlroom.core.state import Held
from controlroom.daemon import views
from controlroom.daemon.binding import anchor
from controlroom.daemon.config import BadSettings, Configuration
from controlroom.daemon.facts import Facts
from controlroom.daemon.finding import written_by
from controlroom.daemon.in_force import InForce
from controlroom.daemon.judge import BadManifest, Judge
from controlroom.daemon.load import Sampler
from controlroom.daemon.members import Members, NotWalled
from controlroom.daemon.nevertouch import NeverTouch
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.registry import AlreadyHeld, Registry
from controlroom.daemon.runner import Runner
from controlroom.daemon.window import Window, fits
from controlroom.model import event as ev
from controlroom.model.agent import OVER, Handle, Label, Rung, Session, SessionState
from controlroom.model.effect import EffectKind
from controlroom.model.record import Kind
from controlroom.model.settings import DEFAULT
from controlroom.model.tier import Verdict
from controlroom.model.use import Matrix
from controlroom.sensing import declarations
from controlroom.storage import latchfile
from controlroom.storage.paths import Places

SAMPLE_SECONDS = 1.0
MOST_NAME = 64  # characters of a stop id
MOST_LOGS = 32  # that a launch may name
MOST_NOTE = 2_000  # characters of how a session ended
MOST_PLANNED = 256  # launches under way
MOST_SHOWN_MS = 10**9
ANSWER_SECONDS = 30.0
ALLOW_SECONDS = 620.0  # a snapshot may come first; the request's own deadline ends the wait
LEAVE_SECONDS = 0.05  # for the answer to be on its way
STOP_SECONDS = 12.0  # TERM, 5 s, kill, proof


class Calls:
    """The methods. `table()` is what the server serves."""

    def __init__(
        self,
        runner: Runner,
        registry: Registry,
        judge: Judge,
        configuration: Configuration,
        places: Places,
        probe: Probe,
        window: Window,
        sampler: Sampler,
        matrix: Callable[[Session], tuple[Matrix, ...]],
        facts: Facts,
        nevertouch: NeverTouch,
        in_force: InForce,
        by: str,
    ) -> None:
        self._in_force = in_force
        self._facts = facts
        self._nevertouch = nevertouch
        self._matrix = matrix
        self._configuration = configuration
        self._window = window
        self._sampler = sampler
        self._looked = 0.0
        self._runner = runner
        self._registry = registry
        self._judge = judge
        self._places = places
        self._probe = probe
        self._planned: dict[str, Session] = {}
        self.by = by

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        acts = {act: self._steer(act) for act in ("pause", "resume", "stop", "kill")}
        return {
            "status": self.status,
            "agents": self.agents,
            "pending": self.pending,
            "grants": self.grants,
            "receipts": self.receipts,
            "show": self.show,
            "allow": self.allow,
            "deny": self.deny,
            "estop": self.estop,
            "reset": self.reset,
            "dismiss": self.dismiss,
            "grant": self.grant,
            "revoke": self.revoke,
            "launch": self.launch,
            "launched": self.launched,
            "left": self.left,
            "adopt": self.adopt,
            "view": self.view,
            "pulse": self.pulse,
            **acts,
        }

    async def status(self, params: Params) -> object:
        state = self._runner.state
        alive = [h for h in state.sessions.values() if h.session.state not in OVER]
        return {
            "pid": os.getpid(),
            "version": __version__,
            "rung": self._probe.rung,
            "rung_why": self._probe.why,
            "latched": bool(state.latch),
            "stop_id": state.latch,
            "journal": self._runner.broken or "ok",
            "unjournalled": self._runner.unjournalled,
            **self._in_force.state(),
            "agents": len(alive),
            "pending": len(state.pending()),
        }

    async def agents(self, params: Params) -> object:
        state, now = self._runner.state, self._runner.clock()
        gate = self._window.gate
        return [{**views.agent(h, state, now), **self._facts.brief(h), "gate": gate(i)} for i, h in state.sessions.items()]

    async def pending(self, params: Params) -> object:
        state, now = self._runner.state, self._runner.clock()
        return [views.request(r, state, now) for r in state.pending() if self._of_agent(r.session, params)]

    async def grants(self, params: Params) -> object:
        state, now = self._runner.state, self._runner.clock()
        return [views.grant(g, state, now) for g in state.grants.values() if self._of_agent(g.session, params)]

    async def receipts(self, params: Params) -> object:
        agent, limit = params.get("agent", ""), int(params.get("limit", 200))
        if limit < 1:
            raise CallError("usage", f"a limit is at least 1, not {limit}")
        rows = [r for r in self._runner.ledger.all() if not agent or agent in (r.intent.agent, r.session)]
        return [views.receipt(r, self._facts.telling.told(r)) for r in rows[-limit:]]

    def _of_agent(self, session: str, params: Params) -> bool:
        agent = params.get("agent", "")
        return not agent or session in {h.session.id for h in self._named(agent)}

    async def show(self, params: Params) -> object:
        wanted, state, now = str(params["id"]), self._runner.state, self._runner.clock()
        if wanted in state.requests:
            return {"what": "request", **views.request(state.requests[wanted], state, now)}
        if receipt := self._runner.ledger.get(wanted):
            row = views.receipt(receipt, self._facts.telling.told(receipt))
            return {"what": "receipt", **row, "receipt": msgspec.to_builtins(receipt)}
        if wanted in state.grants:
            return {"what": "grant", **views.grant(state.grants[wanted], state, now)}
        for held in self._named(wanted):
            stop = msgspec.to_builtins(self._runner.results.get(held.session.id))
            told = (held.session.kind, self._judge.home, held.session.workspace)
            declared = await anyio.to_thread.run_sync(declarations.read, *told)
            uses = self._matrix(held.session)
            seen = {"processes": await self._facts.processes_of(held), "files": await self._facts.files_of(held)}
            seen["story"] = self._facts.telling.view(held.session.id)
            row = {**views.agent(held, state, now), **self._facts.brief(held)}
            return {"what": "agent", **row, "stop": stop, "uses": uses, "declared": declared, **seen}
        raise CallError("not-found", f"no request, receipt, grant or agent {wanted}")

    async def allow(self, params: Params) -> object:
        return await self._decide(params, str(params["digest"]), Verdict.ALLOW, "")

    async def deny(self, params: Params) -> object:
        return await self._decide(params, "", Verdict.DENY, str(params.get("reason", "")))

    async def _decide(self, params: Params, digest: str, verdict: Verdict, reason: str) -> object:
        wanted, shown = str(params["id"]), _shown_ms(params)
        await self._ask(
            lambda ticket: ev.Decided(self._runner.clock(), wanted, digest, verdict, self.by, reason[:2000], ticket, shown),
            ALLOW_SECONDS if verdict is Verdict.ALLOW else ANSWER_SECONDS,
        )
        return {}

    async def _ask(self, make: Callable[[str], ev.Event], seconds: float = ANSWER_SECONDS) -> None:
        error = await self._runner.ask(make, seconds)
        if error:
            raise CallError.of(error)

    def _named(self, name: str) -> list[Held]:
        return [h for h in self._runner.state.sessions.values() if name in (h.session.id, h.session.name)]

    def _steer(self, act: str) -> Method:
        async def method(params: Params) -> object:
            name = str(params["name"])
            everyone = list(self._runner.state.sessions.values())
            held = [h for h in everyone if h.session.state not in OVER] if name == "all" else self._named(name)
            if not held and name != "all":
                raise CallError("not-found", f"no agent {name}")
            return list(await asyncio.gather(*(self._steer_one(act, h.session.id) for h in held)))

        return method

    async def _steer_one(self, act: str, session: str) -> views.Row:
        self._runner.results.pop(session, None)
        error = await self._runner.ask(
            lambda ticket: ev.Steered(self._runner.clock(), session, act, self.by, ticket), STOP_SECONDS
        )
        return views.stop(self._runner.results.get(session), self._runner.state.sessions[session], error)

    async def estop(self, params: Params) -> object:
        stop_id = str(params.get("stop_id") or secrets.token_hex(4))
        if len(stop_id) > MOST_NAME or not stop_id.isascii() or not stop_id.replace("-", "").isalnum():
            stop_id = secrets.token_hex(4)  # a stop is never refused: one that could not be typed for a reset gets another id
        since = latchfile.pulled(latchfile.read_any(self._places), self._runner.clock())
        await self._ask(lambda ticket: ev.Estop(self._runner.clock(), stop_id, self.by, ticket, since))
        await self._runner.settled(5.0)
        state = self._runner.state
        caught = [held for s, held in state.sessions.items() if s in self._runner.caught]  # also by whoever saw the latch first
        rows = [views.stop(self._runner.results.get(held.session.id), held, "") for held in caught]
        return {"stop_id": state.latch, "results": rows}

    async def reset(self, params: Params) -> object:
        stop_id = str(params["stop_id"])
        await self._ask(lambda ticket: ev.Reset(self._runner.clock(), stop_id, self.by, ticket))
        if latchfile.read_any(self._places) is not None:
            where = f"{self._places.latch} and {self._places.gate_latch}"
            raise CallError("latched", f"the latch cannot be removed and stays in force; take away what lies at {where}")
        return {}

    async def dismiss(self, params: Params) -> object:
        """End the daemon by an operator's word, so that what lives is not frozen when another one starts (K17)."""
        self._runner.record(Kind.DISMISSED, {"by": self.by})
        why = await self._runner.durable()
        asyncio.get_running_loop().call_later(LEAVE_SECONDS, os.kill, os.getpid(), signal.SIGTERM)
        if why:
            raise CallError("refused", f"that you ended it is not in the journal: {why}")
        return {}

    async def grant(self, params: Params) -> object:
        named = self._named(str(params["name"]))
        if not named:
            raise CallError("not-found", f"no agent {params['name']}")
        effects = msgspec.convert(params["effects"], tuple[EffectKind, ...])
        argv = msgspec.convert(params.get("argv", ()), tuple[str, ...])
        new, path = secrets.token_hex(8), str(params.get("path", ""))
        dev = ino = 0
        if path:
            path, dev, ino = await anyio.to_thread.run_sync(_place, path)
        await self._ask(
            lambda ticket: ev.GrantAsked(
                self._runner.clock(),
                new,
                named[-1].session.id,
                effects,
                int(params.get("uses", 1)),
                float(params.get("seconds", 300)),
                self.by,
                argv,
                path,
                str(params.get("subagent", "")),
                ticket,
                dev,
                ino,
            )
        )
        return views.grant(self._runner.state.grants[new], self._runner.state, self._runner.clock())

    async def revoke(self, params: Params) -> object:
        wanted = str(params["id"])
        await self._ask(lambda ticket: ev.GrantRevoked(self._runner.clock(), wanted, self.by, ticket))
        return {}

    async def launch(self, params: Params) -> object:
        if self._runner.state.latch:
            raise CallError("latched", f"emergency stop {self._runner.state.latch} is in force; nothing is launched")
        command = msgspec.convert(params["command"], tuple[str, ...])
        try:
            profile = self._configuration.profile(str(params.get("profile") or DEFAULT))
        except BadSettings as e:
            raise CallError("usage", str(e)) from e
        contain = str(params.get("contain") or profile.rules.containment)
        kind, workspace = str(params["kind"]), str(params["workspace"])
        protected = await self._protected(workspace, kind) if contain == "enforced" else None
        # Who launches says what there is where they are: their login's control group need not be the daemon's.
        best, base = Rung(params.get("rung", self._probe.rung)), str(params.get("base", self._probe.base))
        rung = Rung.SUBREAPER if contain == "none" else best
        session = self._registry.plan(str(params["name"]), kind, workspace, command, rung, profile)
        logs = msgspec.convert(params.get("logs", ()), tuple[str, ...])[:MOST_LOGS]
        session = msgspec.structs.replace(session, logs=tuple(os.path.join(workspace, path) for path in logs))
        if protected is not None:
            session = msgspec.structs.replace(session, label=Label.ENFORCED)
            self._nevertouch.walled(session.id, protected.readonly)
        await self._nevertouch.ready(workspace)
        self._planned[session.id] = session
        while len(self._planned) > MOST_PLANNED:
            del self._planned[next(iter(self._planned))]
        leaf = f"{base}/{session.id}" if session.rung is Rung.CGROUP and base else ""
        return {
            "session": session.id,
            "name": session.name,
            "cgroup": leaf,
            "rung": session.rung,
            "label": session.label,
            "gate_dir": str(self._places.runtime),
            "agents_dir": str(self._places.agents),
            "profile": profile,
            "protected": protected,
        }

    async def _protected(self, workspace: str, kind: str) -> Members:
        try:
            return await anyio.to_thread.run_sync(self._judge.members, workspace, kind)
        except (BadManifest, NotWalled) as e:
            raise CallError("refused", f"ENFORCED is not possible: {e}") from e

    async def launched(self, params: Params) -> object:
        handle = msgspec.convert(params["handle"], Handle)
        session = self._planned.pop(handle.session, None)
        if session is None:
            raise CallError("not-found", f"no launch {handle.session} is under way")
        session = msgspec.structs.replace(session, rung=handle.rung, root=handle.root, opened=self._runner.clock())
        for note in msgspec.convert(params.get("notes", ()), tuple[str, ...]):
            self._runner.alarm("walls", f"{session.name}: {note}", session.id)
        if held := msgspec.convert(params.get("held", ()), tuple[str, ...]):
            self._runner.record(Kind.WALLS, {"held": held}, session.id)
        opened = self._registry.launched(session, handle)
        error = await self._runner.ask(lambda ticket: msgspec.structs.replace(opened, ticket=ticket))
        if error:
            self._runner.handles.pop(handle.session, None)
            raise CallError.of(error)
        self._registry.watch_launched(handle)
        await self._runner.durable()  # a daemon that is killed now must know of it; where that fails its calls are denied (S9)
        return {}

    async def left(self, params: Params) -> object:
        session, note = str(params["session"]), str(params.get("note", ""))[:MOST_NOTE]
        self._runner.feed(ev.SessionEnded(self._runner.clock(), session, SessionState.ENDED, note))
        self._registry.thrown(session, msgspec.convert(params.get("thrown", ()), tuple[str, ...]))
        return {}

    async def adopt(self, params: Params) -> object:
        try:
            session, moved = await self._registry.adopt(int(params["pid"]), str(params.get("name", "")), self._probe)
        except AlreadyHeld as e:
            raise CallError("held", str(e)) from e
        except ValueError as e:
            raise CallError("refused", str(e)) from e
        await self._runner.durable()
        row = views.agent(self._runner.state.sessions[session.id], self._runner.state, self._runner.clock())
        logs = await anyio.to_thread.run_sync(self._written_by, session)
        return {**row, "found": moved.count, "why": moved.why, "logs": logs}

    def _written_by(self, session: Session) -> list[dict[str, str]]:
        """The logs of an adopted agent. Blocking."""
        handle = self._runner.handles.get(session.id)
        if session.root is None or handle is None:
            return []
        return written_by(session.kind, session.root, hold.pids(handle), session.workspace, self._judge.home)

    async def view(self, params: Params) -> object:
        """The room's snapshot; while rooms ask for it, the sessions' load is sampled once a second."""
        await self._sample()
        return msgspec.Raw(fits(self._window.view()))

    async def pulse(self, params: Params) -> object:
        """What moved since a snapshot, in a few bytes; null where the room must ask for a new one."""
        await self._sample()
        return self._window.pulse(int(params["seq"]))

    async def _sample(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked >= SAMPLE_SECONDS:
            self._looked = now
            handles = list(self._runner.handles.values())
            await anyio.to_thread.run_sync(self._sampler.sample, handles)


def _place(path: str) -> tuple[str, int, int]:
    """Where a granted path really lies, and what is there. Blocking. Raises CallError where nothing is."""
    real = os.path.realpath(path)
    anchored = anchor(real)
    if anchored == (0, 0):
        raise CallError("usage", f"{path}: there is no such folder; a grant is for a folder that is there, or a file in one")
    return real, *anchored


def _shown_ms(params: Params) -> int | None:
    """How long a room says that the request was fully shown before its key; None = it was answered elsewhere."""
    shown = params.get("shown_ms")
    if shown is None:
        return None
    if not isinstance(shown, int) or not 0 <= shown <= MOST_SHOWN_MS:
        raise CallError("usage", "shown_ms must be milliseconds, a whole number")
    return shown
