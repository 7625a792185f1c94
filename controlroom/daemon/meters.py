"""Measures what every running session has come to, for its trips: processes, CPU, memory, vanished files, and who looks on."""

import anyio
import anyio.to_thread

from controlroom.daemon.load import Sampler
from controlroom.daemon.operator_server import OperatorServer
from controlroom.daemon.runner import Runner
from controlroom.daemon.witness import Witness
from controlroom.model import event as ev
from controlroom.model.agent import SessionState
from controlroom.sensing.churn import Churn

MEASURE_SECONDS = 2.0


class Meters:
    """Looks while sessions run; costs nothing without one."""

    def __init__(self, runner: Runner, sampler: Sampler, operators: OperatorServer, witness: Witness) -> None:
        self._runner = runner
        self._witness = witness
        self._sampler = sampler
        self._operators = operators
        self._churn: dict[str, Churn] = {}

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
        for gone in self._churn.keys() - running.keys():
            self._churn.pop(gone).close()
        if not running:
            return
        for key, session in running.items():
            if key not in self._churn and session.trips.deletes is not None:
                self._churn[key] = Churn(session.workspace)
        handles = [self._runner.handles[key] for key in running]
        await anyio.to_thread.run_sync(self._sampler.sample, handles)
        alone = self._operators.alone()
        for key in running:
            self._runner.feed(ev.Measured(self._runner.clock(), key, self._usage(key, alone)))

    def _usage(self, session: str, alone: float) -> ev.Usage:
        load, churn = self._sampler.loads.get(session), self._churn.get(session)
        return ev.Usage(
            processes=load.processes if load else None,
            cpu=self._sampler.spent.get(session),
            memory=load.memory if load else None,
            deletes=churn.deletes() if churn else None,
            tokens=self._witness.tokens(session),
            alone=alone,
        )

    def close(self) -> None:
        """End all watches."""
        for churn in self._churn.values():
            churn.close()
