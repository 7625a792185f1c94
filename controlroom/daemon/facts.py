"""What operators ask for while they look at one session: its files and its processes."""

import anyio.to_thread

from controlroom.core.state import Held
from controlroom.daemon.load import Sampler
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.daemon.telling import Telling
from controlroom.daemon.touched import Touched
from controlroom.model.touched import FilesView
from controlroom.model.view import ProcessView

MOST_FILES = 300  # rows of one answer
MOST_WAIT = 10.0  # seconds


class Facts:
    """The methods. `table()` is what the server serves."""

    def __init__(self, runner: Runner, sampler: Sampler, touched: Touched, telling: Telling) -> None:
        self._runner = runner
        self._sampler = sampler
        self._touched = touched
        self.telling = telling

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {"files": self.files, "processes": self.processes, **self.telling.table()}

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
        return await self.files_of(held, min(MOST_FILES, int(params.get("limit", MOST_FILES))))

    async def files_of(self, held: Held, most: int = MOST_FILES) -> FilesView:
        """The same, for who has the session already."""
        return self._touched.view(held.session.id, held.session.workspace, most)

    def brief(self, held: Held) -> dict[str, object]:
        """What a list of agents tells of each: load (null = not measured), vanished files a minute, how its folder is seen, and
        what its own log tells.
        """
        load, workspace = self._sampler.loads.get(held.session.id), held.session.workspace
        disk = {"load": load, "deletes": self._touched.deletes(workspace), "watch": self._touched.how(workspace)}
        return {**disk, **self.telling.brief(held)}

    async def processes(self, params: Params) -> object:
        return await self.processes_of(self._held(params))

    async def processes_of(self, held: Held) -> list[ProcessView]:
        """The processes of a session, none where there is nothing to take hold of."""
        handle = self._runner.handles.get(held.session.id)
        return await anyio.to_thread.run_sync(self._sampler.rows, handle) if handle else []
