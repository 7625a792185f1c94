"""What is known of an agent's permissions, for whoever asks: modes, hooks and their proof, files, environment, walls."""

from typing import NamedTuple

import anyio
import anyio.to_thread

from controlroom.agents import gate_strength, signs
from controlroom.agents.gate_strength import DENIED
from controlroom.agents.gated import GATED
from controlroom.containment import hold, processes
from controlroom.daemon import layers
from controlroom.daemon.changes import Changes
from controlroom.daemon.hook_proof import COMMAND_LINE, HookProof
from controlroom.daemon.layer_watch import LayerWatch
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.proved import Proved
from controlroom.daemon.runner import Runner
from controlroom.daemon.secret_scan import Secrets, SecretScan
from controlroom.model.agent import OVER, Session
from controlroom.model.permissions import Environment, Gate, Hook, Mode, Permissions
from controlroom.model.view import LayerView
from controlroom.sensing import environ, writers

MOST_PROCESSES = 64  # of one session, whose environments are looked at
MOST_LINE = 1 << 17  # bytes of a command line: it may hold all our hooks
PROBE_LOOK_SECONDS = 5.0  # between two looks at what is written; the command itself is run every ten minutes
NEW_SECONDS = 0.5  # until a new session is looked at
TOLD = "its hook"  # the source of what the agent said of itself last


class _Facts(NamedTuple):
    """What the files and the command line of a session's agent hold."""

    kind: str
    given: dict[str, dict[str, object]]  # settings by path, the weakest first; `command line` last
    modes: tuple[Mode, ...]
    argv: tuple[str, ...]


class Seen(NamedTuple):
    """What was folded from records, and the scan that goes on."""

    changes: Changes
    proved: Proved
    secrets: Secrets
    scan: SecretScan


class Permits:
    """The operator's calls about permissions (docs/protocol.md)."""

    def __init__(self, runner: Runner, watch: LayerWatch, proof: HookProof, seen: Seen, by: str) -> None:
        self._runner, self._watch, self._proof, self._seen, self._by = runner, watch, proof, seen, by
        self._gates: dict[str, Gate] = {}

    def gate(self, session: str) -> Gate | None:
        """How strong a session's gate is, as it was looked at last (every five seconds); None = not yet."""
        return self._gates.get(session)

    async def run(self) -> None:
        """For ever: the written hook of each session is probed at its start and every ten minutes; one that fails is told."""
        told: dict[str, str] = {}
        looked = 0.0
        while True:
            await anyio.sleep(NEW_SECONDS)
            alive = [h.session for h in self._runner.state.sessions.values() if h.session.state not in OVER]
            told = {session.id: told[session.id] for session in alive if session.id in told}
            self._gates = {session: gate for session, gate in self._gates.items() if session in self._runner.state.sessions}
            due = anyio.current_time() - looked >= PROBE_LOOK_SECONDS
            looked = anyio.current_time() if due else looked
            for session in alive:
                if due or session.id not in told:
                    told[session.id] = await self._look(session, told.get(session.id, ""))

    async def _look(self, session: Session, told: str) -> str:
        """At one session's gate; what is wrong with it, which is told where it was not `told`."""
        gate, hook = await anyio.to_thread.run_sync(self._gate_of, session)
        if gate != self._gates.get(session.id):
            self._gates[session.id] = gate
            self._runner.on_change()
        if hook is None or not hook.where or hook.probe == DENIED:
            return ""
        trouble = f"the hook in {', '.join(hook.where)}, run with a probe: {hook.probe}"
        if trouble != told:
            self._runner.alarm("hooks", trouble, session.id)
        return trouble

    def _gate_of(self, session: Session) -> tuple[Gate, Hook | None]:
        """Blocking."""
        facts = self._facts(session)
        hooks = self._proof.hooks(facts.kind, session.id, facts.given)
        return self._strength(session, facts, hooks), next(iter(hooks), None)

    def _strength(self, session: Session, facts: _Facts, hooks: tuple[Hook, ...]) -> Gate:
        agent = GATED.get(facts.kind)
        return gate_strength.strength(agent.settings if agent else None, hooks, facts.given, self._modes(session, facts))

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {
            "layers": self.layers,
            "permissions": self.permissions,
            "changes": self.changes,
            "take_change": self.take_change,
        }

    def _session(self, params: Params) -> Session:
        held = self._runner.state.sessions.get(str(params["session"]))
        if held is None:
            raise CallError("not-found", f"no session {params['session']}")
        return held.session

    async def layers(self, params: Params) -> object:
        return await anyio.to_thread.run_sync(self.layers_of, self._session(params))

    async def permissions(self, params: Params) -> object:
        return await anyio.to_thread.run_sync(self.of, self._session(params))

    async def changes(self, params: Params) -> object:
        return self._seen.changes.all()

    async def take_change(self, params: Params) -> object:
        if not self._watch.take(self._seen.changes, str(params["id"]), self._by):
            raise CallError("not-found", f"no change {params['id']} was seen")
        return {}

    def layers_of(self, session: Session) -> list[LayerView]:
        """The files that its agent reads. Blocking."""
        facts = self._facts(session)
        root = self._watch.root(session)
        agent = writers.credentials(root.pid) if root else None
        warned = layers.warnings(facts.kind, facts.given, facts.modes)
        return layers.views(facts.kind, self._watch.places(session), self._seen.changes, agent, warned)

    def of(self, session: Session) -> Permissions:
        """All that is known but the files. Blocking."""
        facts = self._facts(session)
        told = self._proof.mode(session.id)
        key = GATED[facts.kind].mode if facts.kind in GATED else ""
        said = (Mode(TOLD, key, told, how := signs.weight(facts.kind, key, told), signs.SAYS[how]),) if told else ()
        hooks = self._proof.hooks(facts.kind, session.id, facts.given)
        return Permissions(
            session=session.id,
            modes=(*self._modes(session, facts), *said),
            hooks=hooks,
            gate=self._strength(session, facts, hooks),
            walls=self._seen.proved.walls(session.id),
            environment=self._environment(session),
            secrets=self._seen.secrets.of(self._seen.scan.paths(session.id)),
            unscanned=self._seen.scan.left(session.id),
        )

    def _modes(self, session: Session, facts: _Facts) -> tuple[Mode, ...]:
        """What its settings and its command line say of how it asks."""
        launched = (session.command, facts.argv)  # a program may become another one, or start with what we do not see
        return (*facts.modes, *dict.fromkeys(flag for argv in launched for flag in signs.flags(facts.kind, argv)))

    def _facts(self, session: Session) -> _Facts:
        kind = self._watch.kind(session)
        given = layers.settings(self._watch.places(session))
        modes = signs.modes(kind, given)
        argv = self._argv(session)
        launch = GATED[kind].launch if kind in GATED else None
        if launch is not None and (inline := launch.inline(argv)):
            given[COMMAND_LINE] = inline
            modes += signs.of_settings(kind, COMMAND_LINE, inline)
        return _Facts(kind, given, modes, argv)

    def _argv(self, session: Session) -> tuple[str, ...]:
        """The command line as the kernel tells it, else as it was launched."""
        root = self._watch.root(session)
        raw = processes.cmdline(root.pid, MOST_LINE).decode("utf-8", "backslashreplace") if root else ""
        return tuple(raw.rstrip("\0").split("\0")) if raw else session.command

    def _environment(self, session: Session) -> Environment:
        handle, root = self._runner.handles.get(session.id), self._watch.root(session)
        pids = hold.pids(handle)[:MOST_PROCESSES] if handle else ([root.pid] if root else [])
        return environ.secrets(pids) if pids else Environment(why="no process of it is known")
