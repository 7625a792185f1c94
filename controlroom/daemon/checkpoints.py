"""When an agent is about to shorten its memory, and at each act from T2 up, its transcript and memory files are kept.

The agent names its transcript, so the path is a claim: only a regular file of ours, called `.jsonl`, reached through no link,
is kept. What is kept lies in the store of the snapshots, where only its owner can read it.
"""

import glob
import itertools
import os
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import anyio
import anyio.to_thread

from controlroom.agents import TRANSCRIPTS, Call
from controlroom.daemon.keeper import BOUNDS, Keeper
from controlroom.daemon.runner import MORE_SECONDS, Runner
from controlroom.model.record import Kind, Record
from controlroom.model.snapshot import Checkpoint, Saved
from controlroom.model.tier import Tier

PREFIX = "checkpoint"
SUFFIX = ".jsonl"
MOST_SESSIONS = 512
MOST_AT_ONCE = 2
MOST_FOUND = 1024  # files that are looked for


class _Known(NamedTuple):
    agent: str
    transcript: str
    workspace: str


class _Moment(NamedTuple):
    why: str
    receipt: str = ""


class Checkpoints:
    """One checkpoint of a session at a time; of moments that come meanwhile the last one counts: a transcript only grows."""

    def __init__(self, runner: Runner, keeper: Keeper, home: str) -> None:
        self._runner, self._keeper, self._home = runner, keeper, home
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._due: dict[str, _Moment] = {}
        self._busy: set[str] = set()
        self._limiter = anyio.CapacityLimiter(MOST_AT_ONCE)

    def heard(self, session: str, agent: str, call: Call) -> None:
        """A hook of this session spoke: it names its transcript, and perhaps that it is about to shorten its memory."""
        if agent in TRANSCRIPTS and _usable(call.transcript):
            held = self._runner.state.sessions.get(session)
            self._known[session] = _Known(agent, call.transcript, held.session.workspace if held else call.cwd)
            self._known.move_to_end(session)
            while len(self._known) > MOST_SESSIONS:
                self._known.popitem(last=False)
        if call.kind == "compact":
            self._ask(session, _Moment("before it is shortened"))

    def note(self, record: Record) -> None:
        """An act was released."""
        receipt = self._runner.ledger.get(record.receipt) if record.kind is Kind.STARTED else None
        if receipt is not None and receipt.intent.assessment.tier >= Tier.T2:
            self._ask(record.session, _Moment(f"at act {receipt.id}", receipt.id))

    def _ask(self, session: str, moment: _Moment) -> None:
        if session not in self._known:
            return  # a script, or an agent whose transcript we do not know
        self._due[session] = moment
        if session not in self._busy:
            self._busy.add(session)
            self._runner.spawn(self._run(session))

    async def _run(self, session: str) -> None:
        try:
            while moment := self._due.pop(session, None):
                known = self._known.get(session)
                if known is not None:
                    await self._keep(session, known, moment)
        finally:
            self._busy.discard(session)

    async def _keep(self, session: str, known: _Known, moment: _Moment) -> None:
        name = f"{PREFIX}.{session}.{secrets.token_hex(6)}"
        saved = Saved("", why="the file system does not answer")
        with anyio.move_on_after(BOUNDS.seconds + MORE_SECONDS):
            saved = await anyio.to_thread.run_sync(
                self._save, name, moment.why, known, abandon_on_cancel=True, limiter=self._limiter
            )
        self._runner.record(Kind.CHECKPOINT, Checkpoint(name, moment.why, saved), session, moment.receipt)

    def _save(self, name: str, why: str, known: _Known) -> Saved:
        paths = itertools.chain([os.fsencode(known.transcript)], self._beside(known))
        return self._keeper.checkpoint(name, why, paths)

    def _beside(self, known: _Known) -> Iterator[bytes]:
        """Memory files first, then the logs of subagents."""
        decoder = TRANSCRIPTS[known.agent]
        memory = decoder.memory(known.transcript, known.workspace, self._home)
        patterns = [p for p in (*memory, decoder.side_logs(known.transcript)) if p]
        found = itertools.chain.from_iterable(glob.iglob(pattern) for pattern in patterns)
        return (os.fsencode(path) for path in itertools.islice(found, MOST_FOUND))


def session_of(name: str) -> str:
    """The session of a checkpoint by its name in the store; "" = it is the snapshot of an act."""
    prefix, _, rest = name.partition(".")
    return rest.partition(".")[0] if prefix == PREFIX else ""


def _usable(path: str) -> bool:
    """Whether it can be the path of a transcript."""
    try:
        return path.startswith("/") and path.endswith(SUFFIX) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False
