"""Undo in the room: the plan is shown, a typed word begins it, and its progress stands in the line of remarks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from controlroom.model.snapshot import UNDOES
from controlroom.tui.line import Line, clip, gap, marked, quote, say
from controlroom.tui.link import Outcome
from controlroom.tui.messages import Done
from controlroom.tui.render import words
from controlroom.tui.scene import Scene
from controlroom.tui.screens.dialogs import TextDialog

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

METHODS = ("undo_plan", "undo", "undo_state")
WORD = "undo"  # what is typed to begin
MOST_STEPS = 12  # rows of the plan in the dialog
POLL_SECONDS = 0.2
BAR = 20  # columns


class Step(msgspec.Struct, frozen=True):
    """One line of a plan, as the daemon tells it."""

    do: str
    path: str
    kind: str
    size: int | None
    newer: bool


class Plan(msgspec.Struct, frozen=True):
    """A plan, as the daemon tells it."""

    receipt: str
    plan: str
    count: int
    steps: tuple[Step, ...]
    newer_count: int
    told_end: bool
    notes: tuple[str, ...]
    undone: str = ""


class Progress(msgspec.Struct, frozen=True):
    """How far an undo is."""

    id: str
    state: str
    done: int
    total: int
    error: str


class UndoDialog(TextDialog):
    """The plan, and a field for the word that begins it."""

    def __init__(self, plan: Plan, done: Callable[[str], object]) -> None:
        hint = f"type {WORD} and enter: what is there now is saved first. esc changes nothing"
        super().__init__(f"UNDO {plan.receipt[:8]}: {words.some(plan.count, 'change')}", hint, done)
        self._plan = plan

    def lines(self, scene: Scene, width: int) -> list[Line]:
        """Title, what would be done, what is newer, what it cannot do."""
        return [*super().lines(scene, width), *(clip(row, width, scene.glyphs.cut) for row in rows(self._plan))]


def rows(plan: Plan) -> list[Line]:
    """The plan, line by line."""
    made: list[Line] = []
    if plan.newer_count:
        made.append((gap(1), say(f"CONFLICT: {plan.newer_count} changed after the act had ended", "warn")))
    elif not plan.told_end:
        made.append((gap(1), say("nobody has told when the act ended: newer work cannot be told from it", "warn")))
    made += [(gap(1), *marked(quote(note, "dim"))) for note in plan.notes]
    for step in plan.steps[:MOST_STEPS]:
        size = f"  {words.size(step.size)}" if step.kind in ("file", "history") and step.size is not None else ""
        newer = (gap(2), say("NEWER", "warn")) if step.newer else ()
        made.append(
            (gap(1), say(f"{UNDOES.get(step.do, '?'):11}", "label"), *marked(quote(step.path)), say(size, "dim"), *newer)
        )
    if plan.count > MOST_STEPS:
        made.append((gap(1), say(f"... and {plan.count - MOST_STEPS} more", "dim")))
    return made


def told(app: "RoomApp", outcome: Outcome) -> None:
    """One step of an undo came back."""
    if outcome.method == "undo_plan":
        _show(app, msgspec.convert(outcome.result, Plan, strict=False))
    elif outcome.method == "undo":
        _follow(app, str(dict(outcome.result).get("id", "")) if isinstance(outcome.result, dict) else "")
    else:
        _progress(app, msgspec.convert(outcome.result, Progress))


def _show(app: "RoomApp", plan: Plan) -> None:
    if not plan.count:
        app.say("nothing to undo: everything is as it was before the act")
        return

    def done(text: str) -> None:
        if text.strip() == WORD:
            app.order("undo", receipt=plan.receipt, plan=plan.plan)
        else:
            app.say(f"nothing was changed: {WORD} was not typed")

    app.say("")
    app.push_screen(UndoDialog(plan, done))


def _follow(app: "RoomApp", undo: str) -> None:
    app.set_timer(POLL_SECONDS, lambda: app.link.order("undo_state", lambda o: app.post_message(Done(o)), id=undo))


def _progress(app: "RoomApp", now: Progress) -> None:
    if now.state == "failed":
        app.say(f"undo stopped: {now.error}. Ask for it again: it goes on from what is there", wrong=True)
    elif now.state == "done":
        app.say(f"undone: {words.some(now.total, 'change')}. This undo is receipt {now.id[:8]}, and can be undone too")
    else:
        full = BAR * now.done // max(1, now.total)
        app.say(f"undo, {now.state} [{'#' * full}{'.' * (BAR - full)}] {now.done} of {now.total}")
        _follow(app, now.id)
