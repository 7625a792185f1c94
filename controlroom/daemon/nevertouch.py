"""Never-touch members that change on the disk: found by looking, told to the core, put back when an operator asks (N14)."""

import time
from collections import deque
from collections.abc import Iterable

import anyio
import anyio.to_thread

from controlroom.daemon.judge import Judge
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.daemon.touched import Touched
from controlroom.model import event as ev
from controlroom.model.agent import OVER, Label, Session
from controlroom.policy.paths import is_below
from controlroom.sensing.changes import Change
from controlroom.sensing.sentry import MOST, NotKept, Sentry, Violation

LOOK_SECONDS = 0.35  # between two looks; with the freeze it makes the promised second
LOOK_SHARE = 20  # between two looks at least so many times what the last one took
LOOK_MOST = 5.0
BEGIN_SECONDS = 30.0  # in which a launch comes to its agent
MOST_NAMED = 5  # paths of one alarm
MOST_HINTS = 20_000  # of watches, between two looks
MOST_WALLS = 256  # sessions


class NeverTouch:
    """Looks while sessions are there; costs next to nothing without one."""

    def __init__(self, runner: Runner, judge: Judge, touched: Touched) -> None:
        self._runner = runner
        self._judge = judge
        self._touched = touched
        self._sentry = Sentry()
        self._walls: dict[str, tuple[str, ...]] = {}
        self._meant: tuple[object, ...] = ()  # what `begin` was told last
        self._expected = 0.0  # until when a session is about to begin
        self._hints: deque[Change] = deque(maxlen=MOST_HINTS)
        self._told_left_out = False
        self._one = anyio.CapacityLimiter(1)  # looks come one after the other, and wait for no other work

    def table(self) -> dict[str, Method]:
        """What operators can call."""
        return {"put_back": self.put_back}

    def walled(self, session: str, readonly: Iterable[str]) -> None:
        """This session cannot write below these paths."""
        self._walls[session] = tuple(readonly)
        while len(self._walls) > MOST_WALLS:
            del self._walls[next(iter(self._walls))]

    async def ready(self, workspace: str) -> None:
        """Know what the members are before an agent begins to work there."""
        self._expected = time.monotonic() + BEGIN_SECONDS
        await self._begin({*self._workspaces(), workspace})

    def changed(self, changes: Iterable[Change]) -> None:
        """A watch tells of these: members among them that have no place of their own are known by the next look."""
        self._hints.extend(changes)

    async def run(self) -> None:
        """For the daemon's life."""
        pause = LOOK_SECONDS
        while True:
            await anyio.sleep(pause)
            if not self._alive() and time.monotonic() > self._expected:
                self._meant, pause = (), LOOK_SECONDS
                self._hints.clear()
                continue
            began = time.monotonic()
            await self.look()
            pause = min(LOOK_MOST, max(LOOK_SECONDS, LOOK_SHARE * (time.monotonic() - began)))

    async def look(self) -> None:
        """Look once, and tell."""
        if self._alive():
            await self._begin(self._workspaces())
        self._tell(await self._looked())

    async def _looked(self) -> list[Violation]:
        hints = list(self._hints)
        self._hints.clear()
        return await anyio.to_thread.run_sync(self._sentry.look, hints, limiter=self._one)

    async def put_back(self, params: Params) -> object:
        """What a member was is written again, by an operator's word; recorded before it is done."""
        path = str(params["path"])
        by = f"{path} is being put back as it was, by an operator"
        self._runner.alarm("never-touch", by)
        if why := await self._runner.durable():
            raise CallError("refused", f"the journal takes nothing, so nothing is written: {why}")
        try:
            await anyio.to_thread.run_sync(self._sentry.put_back, path, limiter=self._one)
        except NotKept as error:
            raise CallError("not-found", str(error)) from error
        except OSError as error:
            raise CallError("refused", f"{path} cannot be written: {error.strerror or error}") from error
        return {}

    async def _begin(self, workspaces: set[str]) -> None:
        """Where the lists mean something else now than at the last look, what changed before is told first."""
        contexts = [self._judge.context(workspace) for workspace in sorted(workspaces)]
        meant = (*((c.workspace, c.manifest) for c in contexts),)
        if meant == self._meant:
            return
        if self._meant:
            self._tell(await self._looked())
        else:
            self._sentry = Sentry()  # nobody was there: what changed meanwhile was not an agent's
        self._meant = meant
        await anyio.to_thread.run_sync(self._sentry.begin, contexts, limiter=self._one)

    def _alive(self) -> list[Session]:
        return [h.session for h in self._runner.state.sessions.values() if h.session.state not in OVER]

    def _workspaces(self) -> set[str]:
        return {session.workspace for session in self._alive()}

    def _tell(self, found: list[Violation]) -> None:
        if self._sentry.left_out and not self._told_left_out:
            self._told_left_out = True
            text = (
                f"only the first {MOST} never-touch files are looked at again and again; {self._sentry.left_out} more are not"
            )
            self._runner.alarm("never-touch", text)
        if not found:
            return
        walled = tuple(
            s.id for s in self._alive() if s.label is Label.ENFORCED and all(self._walls_off(s.id, v) for v in found)
        )
        for violation in found:
            self._touched.violated(violation.path, violation.did, [s.id for s in self._alive() if s.id not in walled])
        self._runner.feed(ev.Violated(self._runner.clock(), _words(found), walled))

    def _walls_off(self, session: str, violation: Violation) -> bool:
        return any(is_below(violation.path, wall) for wall in self._walls.get(session, ()))


def _words(found: list[Violation]) -> str:
    named = ", ".join(f"{v.path} was {v.did}" for v in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    kept = [v.path for v in found if v.kept]
    back = f" (bring it back: controlroom protect restore {kept[0]})" if kept else ""
    return f"changed on disk past the gate: {named}{more}{back}"
