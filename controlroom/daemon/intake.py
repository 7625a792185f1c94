"""What a gate message means: from two lines of bytes to a request in the core, or to a refusal with its reason."""

import secrets
import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

import anyio
import anyio.to_thread
import msgspec

from controlroom.agents import AGENTS, Adapter, BadJson, Call
from controlroom.agents.strict import canonical, read
from controlroom.containment import hooks
from controlroom.daemon import binding, peers
from controlroom.daemon.config import Configuration
from controlroom.daemon.gate_server import Connection, GateServer
from controlroom.daemon.judge import Judge
from controlroom.daemon.registry import Registry
from controlroom.daemon.runner import MOST_HOLDS, Runner
from controlroom.model import event as ev
from controlroom.model.action import Action, Binding, digest_of
from controlroom.model.effect import Assessment, EffectKind, Reason
from controlroom.model.record import Kind, Outcome
from controlroom.model.request import Request
from controlroom.model.settings import DEFAULT
from controlroom.model.tier import Ruling, Tier, Verdict, ruling_of
from controlroom.policy.capabilities import weigh

ASK_TOOL = "controlroom.ask"
WRITING = (EffectKind.CREATE, EffectKind.WRITE)
MOST_WRITTEN = 2000  # files remembered for a session
JUDGE_SECONDS = 10.0  # for one action; a file system that hangs must not hold its asker longer
MOST_AT_ONCE = 8  # judgements at a time
MOST_STUCK = 32  # of them that may hang in the kernel after their asker was denied
OTHER_FILES = "The agent sees other mounts than we do: a path may mean another file to it than is shown here."
MOST_JUDGED = 64 * 1024  # bytes of argv or changed lines that a person can be asked to judge (product.md)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a gate message. Nothing in it is believed beyond what it asks for."""

    v: int
    nonce: str
    kind: Literal["hook", "ask", "outcome", "probe"]
    agent: str = ""
    event: str = ""
    cut: int = 0


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of an `ask`."""

    op: str
    paths: tuple[str, ...]
    reason: str
    cwd: str
    argv: tuple[str, ...] = ()
    new: str | None = None


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of an `outcome`."""

    receipt: str
    ok: bool
    note: str = ""
    duration_ms: int | None = None


class _Waiting(NamedTuple):
    connection: Connection
    header: Header
    workspace: str
    action: Action


class Refused(Exception):
    """The message is not one that can be taken; the text says why."""


class Intake:
    """Turns messages into events and orders to reply into bytes."""

    def __init__(
        self,
        runner: Runner,
        registry: Registry,
        judge: Judge,
        configuration: Configuration,
        past: Callable[[str], str],
        cover: Callable[[Assessment], Assessment],
        key: bytes,
    ) -> None:
        """`key`: of the digests of requests."""
        self.server: GateServer | None = None
        self.on_heard: Callable[[str, str, Call], None] = lambda session, agent, call: None
        self.known: Callable[[str, str, int, Call], Call] = lambda session, agent, pid, call: call
        self._runner = runner
        self._registry = registry
        self._judge = judge
        self._configuration = configuration
        self._cover = cover  # measures what can be undone; blocking
        self._key = key
        self._past = past  # working folder → what to tell an agent of earlier work there
        self._waiting: dict[str, _Waiting] = {}
        self._limiter = anyio.CapacityLimiter(MOST_AT_ONCE)
        self._hooks = anyio.CapacityLimiter(MOST_HOLDS)  # of its own: a stop waits for no judgement
        self._slots = threading.BoundedSemaphore(MOST_STUCK)
        self._written: dict[str, dict[str, None]] = {}  # session → files it was allowed to write, oldest first

    def take(self, connection: Connection, header_line: bytes, payload: bytes) -> None:
        """A complete message has come."""
        try:
            header = self._header(connection, header_line)
            if header.kind == "probe":
                connection.send("deny", b"probe: the gate answers")
            elif header.kind == "outcome":
                self._outcome(connection, payload)
            elif header.kind == "ask":
                self._ask(connection, header, payload)
            else:
                self._hook(connection, header, payload)
        except (Refused, BadJson, msgspec.ValidationError) as e:
            connection.refuse(str(e))
        except Exception as e:  # noqa: BLE001  whatever fails in here, the asker is told no, at once
            self._runner.alarm("internal", f"a gate message could not be taken: {e!r}", connection.session)
            connection.refuse(f"it could not be taken: {type(e).__name__}: {e}")

    def _header(self, connection: Connection, line: bytes) -> Header:
        header = msgspec.convert(read(line), Header)
        if len(header.nonce) != 32 or not header.nonce.isalnum():
            raise Refused("header: nonce is not 32 letters and digits")
        connection.nonce = header.nonce
        if header.v != 1:
            raise Refused(f"header: protocol version {header.v}; this daemon speaks 1. Install the hook again.")
        return header

    def _lane(self, connection: Connection, claim: str, cwd: str) -> tuple[str, str]:
        """The asker's session and the workspace it is judged in."""
        assert connection.peer is not None  # identified before a byte was read
        try:
            session = self._registry.lane(connection.peer, claim, cwd)
        except peers.Stranger as e:
            raise Refused(str(e)) from e
        if session is None:
            raise Refused("too many unknown sessions at once; adopt or end some")
        connection.session = session
        held = self._runner.state.sessions.get(session)
        supervised = held is not None and held.session.supervised
        return session, held.session.workspace if held is not None and supervised else cwd

    def _ask(self, connection: Connection, header: Header, payload: bytes) -> None:
        ask = msgspec.convert(read(payload), Ask)
        if not ask.cwd.startswith("/"):
            raise Refused("ask: cwd is not an absolute path")
        session, workspace = self._lane(connection, "script", ask.cwd)
        body: dict[str, object] = {"op": ask.op, "paths": list(ask.paths), "argv": list(ask.argv), "cwd": ask.cwd}
        if ask.new is not None:
            body["new"] = ask.new
        action = Action(ASK_TOOL, canonical(body), ask.cwd)
        call = Call(kind="gate", action=action, says=ask.reason)
        self._waiting[connection.id] = _Waiting(connection, header, workspace, action)
        self._runner.spawn(self._request(connection, session, workspace, call, hooked=False))

    def _hook(self, connection: Connection, header: Header, payload: bytes) -> None:
        adapter = AGENTS.get(header.agent)
        if adapter is None:
            raise Refused(f"header: no agent {header.agent!r}; it is one of {', '.join(sorted(AGENTS))}")
        connection.observation = not adapter.gates(header.event)
        call = adapter.parse(header.event, payload, header.cut > 0)
        cwd = call.cwd or "/"
        session, workspace = self._lane(connection, header.agent, cwd)
        assert connection.peer is not None and self.server is not None  # as in _lane
        self.server.join(session, connection.peer)
        call = self.known(session, header.agent, connection.peer.process.pid, call)
        self.on_heard(session, header.agent, call)
        if connection.observation:
            self._observe(connection, adapter, header, call)
        elif call.action is None:
            raise Refused(f"{header.event}: it names no action")
        else:
            self._waiting[connection.id] = _Waiting(connection, header, workspace, call.action)
            self._runner.spawn(self._request(connection, session, workspace, call, hooked=True))

    async def _request(self, connection: Connection, session: str, workspace: str, call: Call, hooked: bool) -> None:
        """Judge, bind, and put it before the core."""
        action = call.action
        if action is None or connection.peer is None:
            return
        pid = connection.peer.process.pid
        try:
            with anyio.fail_after(JUDGE_SECONDS):
                assessment, bound = await anyio.to_thread.run_sync(
                    self._judged, action, session, workspace, pid, abandon_on_cancel=True, limiter=self._limiter
                )
        except TimeoutError:
            self._unjudged(connection, f"it could not be judged within {JUDGE_SECONDS:.0f} s; does a file system hang?")
            return
        except Exception as e:  # noqa: BLE001  whatever fails in there, the asker is told no, at once
            self._unjudged(connection, f"it could not be judged: {type(e).__name__}: {e}")
            return
        await self._drop_moved(session)
        if connection.id not in self._waiting:
            return  # hung up meanwhile; nothing was asked yet
        now = self._runner.clock()
        request = Request(
            id=secrets.token_hex(16),
            session=session,
            connection=connection.id,
            action=action,
            binding=bound,
            assessment=assessment,
            digest=digest_of(action, bound, self._key),
            asked=now,
            deadline=now.plus(self._runner.state.limits.hold),
            call=call.call,
            subagent=call.subagent,
            says=call.says,
            hooked=hooked,
        )
        connection.request = request.id
        connection.writes = tuple(t.path for e in assessment.effects if e.kind in WRITING for t in e.targets)
        self._runner.feed(ev.Asked(now, request))

    async def _drop_moved(self, session: str) -> None:
        """Grants end whose folder or file is no longer the one that was granted (A14)."""
        state = self._runner.state
        mine = [g for g in state.grants.values() if g.session == session and g.path]
        if not mine:
            return
        moved = await anyio.to_thread.run_sync(
            lambda: [g.id for g in mine if binding.anchor(g.path) != (g.dev, g.ino)],
            abandon_on_cancel=True,
            limiter=self._limiter,
        )
        for grant in moved:
            self._runner.feed(ev.GrantRevoked(self._runner.clock(), grant, "its path is another folder or file now"))

    def _unjudged(self, connection: Connection, why: str) -> None:
        """Deny what could not be judged, and tell the operators: it is our fault or the machine's."""
        if connection.id in self._waiting:
            self._runner.alarm("unjudged", _plain_text(why), connection.session)
            connection.refuse(why)

    def _judged(self, action: Action, session: str, workspace: str, pid: int) -> tuple[Assessment, Binding]:
        """Assessment and binding. Blocking; raises Refused when too many before it hang."""
        if not self._slots.acquire(blocking=False):
            raise Refused(f"{MOST_STUCK} earlier judgements hang; look at the file systems, then ask again")
        try:
            assessment, bound = self._look(action, session, workspace, pid)
            return (assessment, bound) if _is_text((assessment, bound)) else (_unnameable(assessment), Binding(binding.NOWHERE))
        finally:
            self._slots.release()

    def _assess(self, action: Action, session: str, workspace: str, pid: int) -> Assessment:
        """What it would do, under the session's profile. Blocking."""
        assessment = self._judge.assess(action, workspace, tuple(self._written.get(session, ())))
        held = self._runner.state.sessions.get(session)
        launched = held is not None and held.session.supervised  # its mounts are of our making
        if not launched and assessment.tier > Tier.T0 and peers.sees_other_files(pid):
            assessment = _worse(assessment, Tier.T3, "gate.mounts", OTHER_FILES)
        profile = self._configuration.profile_of(held.session.profile if held else DEFAULT)
        return weigh(assessment, profile, workspace, self._judge.home)

    def _look(self, action: Action, session: str, workspace: str, pid: int) -> tuple[Assessment, Binding]:
        assessment = self._assess(action, session, workspace, pid)
        if _too_much(action, assessment):
            assessment = _denied(
                assessment, "gate.size", f"over {MOST_JUDGED} bytes would have to be judged; ask in smaller parts"
            )
        try:
            return self._cover(assessment), binding.bind(action, assessment, peers.path_of(pid))
        except binding.Unbindable as e:
            worse = _denied(assessment, "gate.unbindable", f"what it would run cannot be pinned: {e}")
            return worse, Binding(cwd=binding.look(action.cwd, False))

    def _observe(self, connection: Connection, adapter: Adapter, header: Header, call: Call) -> None:
        """An agent tells what happened. It is a claim; nothing is released by it."""
        now = self._runner.clock()
        body = b""
        if call.kind == "finished" and call.outcome is not None:
            self._runner.feed(ev.Finished(now, connection.session, call.call, call.outcome))
        else:
            told = {"event": header.event, "claim": call.session, "subagent": call.subagent, "note": call.note}
            self._runner.record(Kind.OBSERVED, told, connection.session)
        if call.kind == "subagent_stop" and call.subagent:
            self._runner.feed(ev.SubagentEnded(now, connection.session, call.subagent))
        if call.kind == "session_start":
            text = self._past(call.cwd)
            body = adapter.start_body(text) if text else b""
        connection.send("ok", body)

    def _outcome(self, connection: Connection, payload: bytes) -> None:
        told = msgspec.convert(read(payload), Told)
        assert connection.peer is not None  # identified before a byte was read
        try:
            session = self._registry.find(connection.peer)
        except peers.Stranger as e:
            raise Refused(str(e)) from e
        act = self._runner.state.acts.get(told.receipt)
        if act is None or act.session != session:
            raise Refused(f"outcome: no act {told.receipt!r} of this session is open")
        outcome = Outcome(told.ok, told.note[:4096], told.duration_ms)
        self._runner.feed(ev.Finished(self._runner.clock(), act.session, told.receipt, outcome))
        connection.send("ok", b"")

    def reply(self, request: str, connection: str, verdict: Verdict, by: str, reason: str) -> bool:
        """Answer on the connection that asked, in the words of its agent."""
        waiting = self._waiting.pop(connection, None)
        if waiting is None:
            return False
        asker, header = waiting.connection, waiting.header
        if verdict is Verdict.ALLOW:
            self._remember(asker)
        if verdict is Verdict.DENY:
            return asker.send("deny", f"denied by {by}: {reason}".encode("utf-8", "backslashreplace"))
        if header.kind == "ask":
            return asker.send("allow", msgspec.json.encode({"receipt": request, "by": by, "reason": reason}))
        return asker.send("allow", AGENTS[header.agent].allow_body(header.event, by, reason, waiting.action))

    def _remember(self, connection: Connection) -> None:
        """What a session was let write counts when it runs it later (A22)."""
        written = self._written.setdefault(connection.session, {})
        written.update(dict.fromkeys(connection.writes))
        while len(written) > MOST_WRITTEN:
            del written[next(iter(written))]
        for gone in [s for s in self._written if s not in self._runner.state.sessions]:
            del self._written[gone]

    def lost(self, connection: Connection) -> None:
        """An asker is gone without an answer."""
        if self._waiting.pop(connection.id, None):
            self._runner.feed(ev.PeerGone(self._runner.clock(), connection.id))

    def rejected(self, connection: Connection, why: str) -> None:
        """A message was refused before it was one."""
        asked = self._waiting.pop(connection.id, None) is not None and connection.request
        pid = connection.peer.process.pid if connection.peer else 0
        self._runner.record(Kind.REJECTED, {"pid": pid, "why": _plain_text(why)}, connection.session)
        if asked:  # it broke its own connection while the request was before an operator
            self._runner.feed(ev.PeerGone(self._runner.clock(), connection.id))

    async def hooks_gone(self, session: str) -> bool:
        if self.server is None or not await self.server.hooks_gone(session):
            return False
        handle = self._runner.handles.get(session)
        # One that is only starting has not come to us yet, and one of an earlier daemon never does.
        return handle is None or await anyio.to_thread.run_sync(hooks.gone, handle, limiter=self._hooks)

    def changed(self, request: Request) -> str:
        """Judge and bind again, now; what is no longer as it was shown. Blocking."""
        waiting = self._waiting.get(request.connection)
        peer = waiting.connection.peer if waiting else None
        if waiting is None or peer is None:
            return "the asker is gone"
        judged = self._assess(request.action, request.session, waiting.workspace, peer.process.pid)
        if request.decision is not None and request.decision.by == "policy":
            return binding.passes(judged)
        return binding.changed(request, judged, peers.path_of(peer.process.pid))


def _too_much(action: Action, assessment: Assessment) -> bool:
    """Whether a person would be asked to judge more than anybody reads; a configuration file has the full view."""
    config = any(e.kind is EffectKind.CONFIG for e in assessment.effects)
    text = assessment.diff or action.input
    return ruling_of(assessment.tier) is Ruling.ASK and not config and len(text.encode()) > MOST_JUDGED


def _is_text(value: object) -> bool:
    """Whether it can be told as JSON: the name of a file may be bytes that are no text."""
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        return False
    return True


def _plain_text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: object) -> object:
    """The same with names that are no text written out as escapes."""
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _unnameable(assessment: Assessment) -> Assessment:
    """Denied: an operator could not be shown, nor the journal hold, which file is meant."""
    plain = msgspec.convert(_plain(msgspec.to_builtins(assessment)), Assessment)
    return _denied(plain, "gate.name", "it means a file whose name is not UTF-8; rename that file, then ask again")


def _denied(assessment: Assessment, rule: str, text: str) -> Assessment:
    return _worse(assessment, Tier.TX, rule, text)


def _worse(assessment: Assessment, tier: Tier, rule: str, text: str) -> Assessment:
    """The same, at this tier at least, and why."""
    reasons = (Reason(rule, tier, text), *assessment.reasons)
    return msgspec.structs.replace(assessment, tier=max(tier, assessment.tier), reasons=reasons)
