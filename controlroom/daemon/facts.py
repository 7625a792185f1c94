"""What operators ask for while they look at one session: its files and its processes."""

import time

import anyio.to_thread
import msgspec

from controlroom.core.state import Held
from controlroom.daemon.differ import compare
from controlroom.daemon.load import MOST_ROWS, Sampler
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.daemon.telling import Telling
from controlroom.daemon.touched import Touched
from controlroom.model.touched import FilesView, OpenFile
from controlroom.model.view import ProcessesView
from controlroom.storage.snapshots.store import Store

MOST_FILES = 300  # rows of one answer
MOST_WAIT = 10.0  # seconds
OPEN_SECONDS = 1.0


class Facts:
    """The methods. `table()` is what the server serves."""

    def __init__(self, runner: Runner, sampler: Sampler, touched: Touched, telling: Telling, store: Store) -> None:
        self._store = store
        self._runner = runner
        self._sampler = sampler
        self._touched = touched
        self.telling = telling
        self._opened: tuple[float, str, tuple[OpenFile, ...]] = (0.0, "", ())  # when, whose, what

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {"files": self.files, "diff": self.diff, "processes": self.processes, **self.telling.table()}

    def _held(self, params: Params) -> Held:
        held = self._runner.state.sessions.get(str(params["session"]))
        if held is None:
            raise CallError("not-found", f"no session {params['session']}")
        return held

    async def files(self, params: Params) -> object:
        """What a session touched. With `seq`, the answer waits (`wait` seconds at most) until there is something newer."""
        held = self._held(params)
        if "seq" in params:
            wait = min(MOST_WAIT, max(0.0, float(params.get("wait", 1.0))))
            await self._touched.changed(held.session.id, int(params["seq"]), wait)
        return await self.files_of(held, max(1, min(MOST_FILES, int(params.get("limit", MOST_FILES)))))

    async def files_of(self, held: Held, most: int = MOST_FILES) -> FilesView:
        """The same, for who has the session already."""
        return self._touched.view(held.session.id, held.session.workspace, most, await self._open(held.session.id))

    async def diff(self, params: Params) -> object:
        """How a file of the Files tab differs from what it was; of no other file."""
        held, path = self._held(params), str(params["path"])
        if not self._touched.find(held.session.id, path):
            raise CallError("not-found", f"{path} is not among the files of {held.session.name}")
        newest = [r for r in reversed(self._runner.ledger.all()) if r.session == held.session.id]
        return await anyio.to_thread.run_sync(compare, path, self._store, newest, abandon_on_cancel=True)

    async def _open(self, session: str) -> tuple[OpenFile, ...]:
        """What its processes have open; looked at once a second, however often somebody asks."""
        now, handle = time.monotonic(), self._runner.handles.get(session)
        at, known, found = self._opened
        if handle is not None and (session != known or now - at > OPEN_SECONDS):
            found = await anyio.to_thread.run_sync(self._sampler.opened, handle)
            self._opened = (now, session, found)
        return found if handle is not None else ()

    def brief(self, held: Held) -> dict[str, object]:
        """What a list of agents tells of each: load (null = not measured), vanished files a minute, how its folder is seen, and
        what its own log tells.
        """
        load, workspace = self._sampler.loads.get(held.session.id), held.session.workspace
        disk = {"load": load, "deletes": self._touched.deletes(workspace), "watch": self._touched.how(workspace)}
        return {**disk, **self.telling.brief(held)}

    async def processes(self, params: Params) -> object:
        """The processes that hold `find`, `limit` of them at most; those of the pids `whole` with all that is known of each."""
        whole = msgspec.convert(params.get("whole"), tuple[int, ...] | None)
        most = max(1, min(MOST_ROWS, int(params.get("limit", MOST_ROWS))))
        return await self.processes_of(self._held(params), str(params.get("find", "")), most, whole)

    async def processes_of(
        self, held: Held, find: str = "", most: int = MOST_ROWS, whole: tuple[int, ...] | None = None
    ) -> ProcessesView:
        """The same, for who has the session already; none where there is nothing to take hold of."""
        handle = self._runner.handles.get(held.session.id)
        if handle is None:
            return ProcessesView(0, ())
        return await anyio.to_thread.run_sync(self._sampler.rows, handle, find, most, whole)
