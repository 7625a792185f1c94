"""Undo: what an operator sees before it, and doing it, with a receipt of its own.

The order is that of any act: intent, snapshot of what is there now, decision, start, all durable before the first file is
touched; then the outcome. A crash in between leaves an interrupted receipt; the same undo, asked again, goes on from there.
"""

import asyncio
import os
import secrets
import time
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread
import msgspec

from controlroom.daemon import words
from controlroom.daemon.checkpoints import session_of
from controlroom.daemon.keeper import Keeper
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.model.action import Action
from controlroom.model.agent import OVER
from controlroom.model.effect import Assessment, Effect, EffectKind, Reason, Target
from controlroom.model.record import Intent, Kind, Outcome, Receipt, Stage
from controlroom.model.request import Decision
from controlroom.model.snapshot import Checkpoint, Saved, Undone
from controlroom.model.tier import Tier, Verdict
from controlroom.storage.chain import Damaged as JournalDamaged
from controlroom.storage.lookup import find_checkpoint, find_receipt
from controlroom.storage.snapshots.checkpoint import as_snapshot
from controlroom.storage.snapshots.history import NoHistory
from controlroom.storage.snapshots.manifest import Damaged, History, Manifest, shown
from controlroom.storage.snapshots.plan import Do, Plan, Step, plan
from controlroom.storage.snapshots.restore import restore
from controlroom.storage.snapshots.store import Listed
from controlroom.storage.snapshots.walk import CannotSave, Moved

TOOL = "controlroom.undo"
CHECKPOINT = "checkpoint"  # in the place of an act's stage
MOST_STEPS = 2_000  # of a plan that are told one by one
MOST_KNOWN = 64  # undos whose end is remembered
Row = dict[str, object]


class Progress(msgspec.Struct):
    """How far an undo is. `state`: saving, restoring, done, failed."""

    id: str
    state: str = "saving"
    done: int = 0
    total: int = 0
    error: str = ""


class Undoing:
    """The operator's calls about snapshots and undo. One undo at a time."""

    def __init__(self, runner: Runner, keeper: Keeper, by: str, journal: Path) -> None:
        """`journal`: its folder, for what is no longer in memory."""
        self._runner, self._keeper, self._by, self._journal = runner, keeper, by, journal
        self._store = keeper.store
        self._progress: dict[str, Progress] = {}
        self._one = asyncio.Lock()

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {"snapshots": self.snapshots, "undo_plan": self.plan, "undo": self.undo, "undo_state": self.state}

    async def snapshots(self, params: Params) -> object:
        rows = await anyio.to_thread.run_sync(self._rows)
        agent = str(params.get("agent", ""))
        return [r for r in rows if not agent or agent in (r["agent"], r["session"])]

    def _rows(self) -> list[Row]:
        now = time.time_ns()
        there = (one for name in self._store.names() if (one := self._store.listed(name)))
        return [self._row(one, now) for one in sorted(there, key=lambda one: one.made)]

    def _row(self, one: Listed, now: int) -> Row:
        receipt, session = self._runner.ledger.get(one.name), session_of(one.name)
        held = self._runner.state.sessions.get(session)
        of_act = {
            "agent": receipt.intent.agent if receipt else "",
            "session": receipt.session if receipt else "",
            "stage": receipt.stage if receipt else "unknown",
            "tool": receipt.intent.action.tool if receipt else "",
            "does": words.brief(receipt.intent.action)[:400] if receipt else "",
            "input": receipt.intent.action.input[:400] if receipt else "",
        }
        of_session = {
            "agent": held.session.name if held else "",
            "session": session,
            "stage": CHECKPOINT,
            "tool": "transcript and memory",
            "does": one.why,
            "input": one.why,
        }
        return {
            "id": one.name,
            **(of_session if session else of_act),
            "files": one.files,
            "size": one.size,
            "age_s": round(max(0, now - one.made) / 10**9, 1),
            "undone": receipt.undone if receipt else "",
            "kept": self._keeper.kept(one, now),
        }

    async def plan(self, params: Params) -> object:
        saved = await self._saved(str(params["receipt"]))
        manifest, made = await self._plan(saved)
        return {
            "receipt": saved.id,
            "plan": made.sum,
            "undone": saved.undone,
            "stage": saved.stage,
            "count": len(made.steps) + len(made.histories),
            "steps": [*(_step(s) for s in made.steps[:MOST_STEPS]), *map(_history, made.histories)],
            "newer": [shown(s.path) for s in made.conflicts[:MOST_STEPS]],
            "newer_count": len(made.conflicts),
            "told_end": saved.ended is not None,
            "notes": [*self._warnings(saved), *made.notes],
            "diff": made.diff,
            "files": manifest.files,
            "size": manifest.size,
        }

    def _warnings(self, saved: "_Saved") -> list[str]:
        held = self._runner.state.sessions.get(saved.session) if saved.stage == CHECKPOINT else None
        if held is None or held.session.state in OVER:
            return []
        return [f"{held.session.name} is not over: stop it first, or what it writes meanwhile goes to a file that is replaced"]

    async def _saved(self, wanted: str) -> "_Saved":
        """What there is to bring back under a name; not all of it is in memory."""
        try:
            if session_of(wanted):
                return _of_checkpoint(await anyio.to_thread.run_sync(find_checkpoint, self._journal, wanted), wanted)
            known = self._runner.ledger.get(wanted)
            return _of_act(known or await anyio.to_thread.run_sync(find_receipt, self._journal, wanted), wanted)
        except JournalDamaged as e:
            raise CallError("refused", f"{e}; see: controlroom audit verify") from e
        except OSError as e:
            raise CallError("refused", f"the journal cannot be read: {e}") from e

    async def _plan(self, saved: "_Saved") -> tuple[Manifest, Plan]:
        try:
            return await anyio.to_thread.run_sync(self._planned, saved)
        except (Damaged, CannotSave, Moved) as e:
            raise CallError("refused", str(e)) from e
        except OSError as e:
            where = f" {shown(os.fsencode(e.filename))}" if e.filename else ""
            raise CallError("refused", f"what is there now cannot be looked at:{where} {e.strerror or e}") from e

    def _planned(self, saved: "_Saved") -> tuple[Manifest, Plan]:
        manifest = self._store.load(saved.id, saved.seal)
        if manifest.kept:
            manifest = as_snapshot(manifest)
        return manifest, plan(self._store, manifest, saved.ended)

    async def undo(self, params: Params) -> object:
        """Begin one; its end is told by `undo_state`. `plan` is the sum that was shown with the plan."""
        saved, wanted = await self._saved(str(params["receipt"])), str(params["plan"])
        if self._one.locked():
            raise CallError("refused", "another undo is under way; wait for its end")
        progress = Progress(secrets.token_hex(16))
        self._progress[progress.id] = progress
        while len(self._progress) > MOST_KNOWN:
            del self._progress[next(iter(self._progress))]
        self._runner.spawn(self._run(saved, wanted, progress))
        return {"id": progress.id}

    async def state(self, params: Params) -> object:
        progress = self._progress.get(str(params["id"]))
        if progress is None:
            raise CallError("not-found", f"no undo {params['id']} of this daemon; look at its receipt")
        return msgspec.to_builtins(progress)

    async def _run(self, saved: "_Saved", wanted: str, progress: Progress) -> None:
        async with self._one:
            try:
                await self._undo(saved, wanted, progress)
            except CallError as e:
                self._fail(progress, e.message)
            except (Damaged, NoHistory, OSError) as e:
                self._fail(progress, f"{e}")
            except Exception as e:
                self._fail(progress, f"{type(e).__name__}: {e}")
                raise

    def _fail(self, progress: Progress, why: str) -> None:
        started = progress.state == "restoring"
        progress.state, progress.error = "failed", why
        clean = why.encode("utf-8", "backslashreplace").decode()
        if started:
            self._record(Kind.OUTCOME, Outcome(False, f"stopped before its end: {clean}"), progress.id)
        else:
            digest = self._digest_of(progress.id)
            at = self._runner.clock()
            self._record(Kind.DECISION, Decision(progress.id, digest, Verdict.DENY, "undo", clean, at), progress.id)

    def _digest_of(self, receipt: str) -> str:
        known = self._runner.ledger.get(receipt)
        return known.intent.digest if known else ""

    def _record(self, kind: Kind, body: object, receipt: str) -> None:
        self._runner.record(kind, body, "", receipt)

    async def _undo(self, what: "_Saved", wanted: str, progress: Progress) -> None:
        rid = progress.id
        self._record(Kind.INTENT, _intent(what, wanted), rid)
        manifest, made = await self._plan(what)
        if made.sum != wanted:
            raise CallError("changed", "what is there is no longer what the plan was made of; look at the plan again")
        saved: Saved = await anyio.to_thread.run_sync(self._keeper.take, rid, manifest.roots, self._keeper.budget)
        self._record(Kind.SNAPSHOT, saved, rid)
        if not saved.seal:
            raise CallError("refused", f"what is there now cannot be saved first: {saved.why}")
        manifest, made = await self._plan(what)
        if made.sum != wanted:
            raise CallError("changed", "something changed while it was saved; look at the plan again")
        decision = Decision(rid, wanted, Verdict.ALLOW, self._by, f"undo of {what.id}", self._runner.clock())
        self._record(Kind.DECISION, decision, rid)
        self._record(Kind.STARTED, {}, rid)
        if why := await self._runner.durable():
            raise CallError("refused", f"the journal cannot be written: {why}")
        progress.state, progress.total = "restoring", len(made.steps)

        def told(done: int, total: int) -> None:
            progress.done = done

        began = time.monotonic()
        await anyio.to_thread.run_sync(restore, self._store, manifest, made, told)
        took = int((time.monotonic() - began) * 1000)
        changes = len(made.steps) + len(made.histories)
        self._record(Kind.OUTCOME, Outcome(True, f"undid {what.id}: {changes} change{'s' if changes != 1 else ''}", took), rid)
        if what.stage != CHECKPOINT:
            self._record(Kind.UNDONE, Undone(rid), what.id)
        why = await self._runner.durable()
        progress.state, progress.error = "done", f"done, but the journal cannot say so: {why}" if why else ""


class _Saved(NamedTuple):
    """Something that can be brought back: an act's snapshot, or a checkpoint (`stage` says so). `ended`: wall clock, ns."""

    id: str
    seal: str
    stage: str
    session: str = ""
    ended: int | None = None
    undone: str = ""
    targets: tuple[Target, ...] = ()
    cwd: str = ""


def _of_act(receipt: Receipt | None, wanted: str) -> _Saved:
    if receipt is None:
        raise CallError("not-found", f"no receipt {wanted}")
    if receipt.stage in (Stage.INTENT, Stage.DENIED):
        raise CallError("refused", f"this act was not released ({receipt.stage}): there is nothing to undo")
    if receipt.saved is None or not receipt.saved.seal:
        why = receipt.saved.why if receipt.saved else receipt.intent.assessment.undo_why or "it changes no files"
        raise CallError("refused", f"this act has no snapshot: {why}")
    ended, intent = receipt.ended.wall if receipt.ended else None, receipt.intent
    targets, cwd = intent.assessment.targets, intent.action.cwd
    return _Saved(receipt.id, receipt.saved.seal, receipt.stage, receipt.session, ended, receipt.undone, targets, cwd)


def _of_checkpoint(found: tuple[Checkpoint, int] | None, wanted: str) -> _Saved:
    if found is None:
        raise CallError("not-found", f"no checkpoint {wanted}")
    made, at = found
    if not made.saved.seal:
        raise CallError("refused", f"nothing was kept at this moment: {made.saved.why}")
    return _Saved(made.id, made.saved.seal, CHECKPOINT, session_of(wanted), at)


def _intent(saved: _Saved, digest: str) -> Intent:
    text = msgspec.json.encode({"receipt": saved.id}).decode()
    what = Assessment(
        Tier.T2,
        (Reason("undo", Tier.T2, "Brings back what was there before an act."),),
        (Effect(EffectKind.WRITE, saved.targets),),
        saved.targets,
        undo=True,
    )
    return Intent(digest, Action(TOOL, text, saved.cwd), what, "operator")


def _history(found: History) -> Row:
    path = f"{shown(found.git)}/objects"
    return {"do": Do.CREATE, "path": path, "kind": "history", "size": found.size, "newer": False}


def _step(step: Step) -> Row:
    was = step.was
    return {
        "do": step.do,
        "path": shown(step.path),
        "kind": was.kind if was else "",
        "size": was.size if was else None,
        "newer": step.newer,
    }
