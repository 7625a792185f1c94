"""After the journal's disk had failed: writing goes on by itself, acts are allowed again by an operator's word only (L5)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.core import Limits
from controlroom.core import orders as od
from controlroom.daemon.clock import now
from controlroom.daemon.doubts import Doubts
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.operator_server import CallError
from controlroom.daemon.runner import Runner
from controlroom.daemon.scribe import Scribe
from controlroom.model.agent import Handle, StopResult
from controlroom.model.record import Kind
from controlroom.model.settings import Anchor
from controlroom.model.storing import Storing
from controlroom.storage.notes import Remembered
from controlroom.storage.verify import verify
from tests.storage.support import FailingDisk, kinds, opened


class Unlatched:
    def write(self, stop_id: str, by: str) -> str:
        return ""

    def clear(self) -> str:
        return ""


def _hold(act: str, handle: Handle) -> StopResult:
    raise AssertionError("nothing is taken hold of here")


class Desk:
    """A scribe beside a real runner and a real journal whose disk fails at the sync of a chosen number."""

    def __init__(self, folder: Path, sync: int) -> None:
        self.journal = opened(folder, FailingDisk(sync=sync))
        self.runner = Runner(Limits(), self.journal, Ledger(), now, Unlatched(), _hold)
        self.alarms: list[str] = []
        self.runner.on_alarm = self._alarm
        self.scribe = Scribe(folder, self.journal)
        self.scribe.attach(self.runner, Doubts(), lambda sessions: Remembered(), {}, Anchor, "operator:ann")
        self.scribe.tell(self.runner)

    def _alarm(self, alarm: od.Alarm) -> None:
        self.alarms.append(alarm.text)

    async def fail(self) -> None:
        """Hand in what the disk does not take."""
        self.runner.record(Kind.OBSERVED, {"n": 1})
        assert await self.runner.durable()

    def look(self) -> None:
        """One beat."""
        self.scribe._look(self.runner)

    async def call(self, name: str, **params: object) -> object:
        return await self.scribe.table()[name](params)


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[int], Desk]:
    tmp_path.chmod(0o700)
    return lambda sync: Desk(tmp_path / "journal", sync)


@pytest.mark.row("J06")
def test_a_journal_that_failed_is_written_again_but_allows_nothing_until_an_operator_says_so(
    desk: Callable[[int], Desk], tmp_path: Path
) -> None:
    async def live() -> None:
        here = desk(2)
        await here.fail()
        here.look()
        assert here.runner.state.storing is Storing.BROKEN
        with pytest.raises(CallError, match="still takes nothing"):
            await here.call("accept", failed=1)
        assert here.journal.mend()
        for _ in range(3):
            here.look()
        assert here.runner.state.storing is Storing.BROKEN, "no operator has mended it"
        assert "controlroom audit accept" in here.runner.broken
        assert await here.call("journal") == {"failed": 1, "why": "[Errno 5] Input/output error", "broken": ""}
        with pytest.raises(CallError, match="look again"):
            await here.call("accept", failed=0)
        assert await here.call("accept", failed=1) == {}
        assert (here.runner.state.storing, here.runner.broken) == (Storing.OK, "")
        assert await here.call("journal") == {"failed": 0, "why": "[Errno 5] Input/output error", "broken": ""}
        assert [text.partition(",")[0].partition(":")[0] for text in here.alarms] == [
            "the journal takes nothing",
            "the journal is written again",
            "acts may be allowed again; what was denied meanwhile stays denied",
        ]
        assert not await here.runner.durable()
        here.journal.close()

    asyncio.run(live())
    assert kinds(tmp_path / "journal").count("accepted") == 1
    assert verify(tmp_path / "journal").ok


@pytest.mark.row("J06")
def test_a_failure_that_was_over_before_anybody_looked_is_told_all_the_same(desk: Callable[[int], Desk]) -> None:
    async def live() -> None:
        here = desk(2)
        await here.fail()
        assert here.journal.mend()
        here.look()
        assert here.runner.state.storing is Storing.BROKEN
        (told,) = here.alarms
        assert "written again" in told
        here.journal.close()

    asyncio.run(live())
