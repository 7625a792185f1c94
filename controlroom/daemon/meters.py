"""Measures what running sessions have come to, for trips: processes, CPU, memory, files gone or written, and who looks on.

Processes that are new at a look are told to the session's story.
"""

from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread

from controlroom.daemon.load import TICK, Key, Sampler
from controlroom.daemon.operator_server import OperatorServer
from controlroom.daemon.runner import Runner
from controlroom.daemon.story import Born
from controlroom.daemon.touched import Touched
from controlroom.daemon.witness import Witness
from controlroom.model import event as ev
from controlroom.model.agent import Session, SessionState
from controlroom.model.clock import SECOND

MEASURE_SECONDS = 2.0


class Meters:
    """Looks while sessions run; costs nothing without one."""

    def __init__(self, runner: Runner, sampler: Sampler, operators: OperatorServer, witness: Witness, touched: Touched) -> None:
        self._runner = runner
        self._witness = witness
        self._sampler = sampler
        self._operators = operators
        self._touched = touched
        self._escaped: set[tuple[str, int, int]] = set()  # told already
        self._seen: dict[str, frozenset[Key]] = {}  # at the last look
        self.on_born: Callable[[str, list[Born]], object] = lambda session, born: None

    async def run(self) -> None:
        """For ever."""
        while True:
            await anyio.sleep(MEASURE_SECONDS)
            await self.measure()

    async def measure(self) -> None:
        """Look once, and tell the core."""
        running = {
            key: held.session
            for key, held in self._runner.state.sessions.items()
            if held.session.state is SessionState.RUNNING and key in self._runner.handles
        }
        if not running:
            return
        handles = [self._runner.handles[key] for key in running]
        await anyio.to_thread.run_sync(self._sampler.sample, handles)
        self._tell_escapes(running)
        self._tell_born(running)
        alone = self._operators.alone()
        for session in running.values():
            self._runner.feed(ev.Measured(self._runner.clock(), session.id, self._usage(session, alone)))

    def _tell_born(self, running: Mapping[str, Session]) -> None:
        """Processes that were not there at the last look."""
        there = {key: {(stat.pid, stat.start): stat for stat in self._sampler.stats(key)} for key in running}
        for session, stats in there.items():
            known = self._seen.get(session, frozenset())
            if born := [Born(s.start * SECOND // TICK, s.pid, s.name) for key, s in stats.items() if key not in known]:
                self.on_born(session, born)
        self._seen = {session: frozenset(stats) for session, stats in there.items()}

    def _tell_escapes(self, running: Mapping[str, Session]) -> None:
        """A process that left the control group of its session is told once."""
        there = {(key, s.pid, s.start): s for key in running for s in self._sampler.outside.get(key, ())}
        for (key, pid, _), stat in there.items():
            if (key, pid, stat.start) not in self._escaped:
                text = f"process {pid} ({stat.name}) bears the session's tag and has left its control group: a stop may miss it"
                self._runner.alarm("escape", text, key)
        self._escaped = set(there)

    def _usage(self, session: Session, alone: float) -> ev.Usage:
        load = self._sampler.loads.get(session.id)
        return ev.Usage(
            processes=load.processes if load else None,
            cpu=self._sampler.spent.get(session.id),
            memory=load.memory if load else None,
            deletes=self._touched.deletes(session.workspace),
            writes=self._touched.writes(session.workspace),
            tokens=self._witness.tokens(session.id),
            cost=self._witness.cost(session.id),
            alone=alone,
        )
