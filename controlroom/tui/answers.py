"""Carries out what approval answered, and says what came of orders."""

from typing import TYPE_CHECKING, Any

from controlroom.model.tier import Verdict
from controlroom.tui import approval_events as ev
from controlroom.tui import lease, undoing
from controlroom.tui.link import Outcome
from controlroom.tui.screens.dialogs import GrantDialog, TextDialog
from controlroom.tui.screens.pages import StopPage

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

STEERED = {"pause": "paused", "resume": "running", "stop": "stopped", "kill": "killed"}


def carry_out(app: "RoomApp", answers: tuple[ev.Answer, ...]) -> None:
    """Each answer, in order."""
    for answer in answers:
        match answer:
            case ev.Refusal():
                app.say(answer.why, wrong=True)
            case ev.Settling():
                app.set_timer(max(0.0, answer.due - app.clock()) + 0.001, app.tick)
            case ev.OpenDialog(which="reason"):
                _ask_reason(app, answer)
            case ev.OpenDialog():
                _ask_lease(app, answer)
            case ev.Decision():
                _decide(app, answer)


def _ask_reason(app: "RoomApp", dialog: ev.OpenDialog) -> None:
    request = dialog.request

    def done(text: str) -> None:
        app.reasons[request] = text
        app.feed(ev.Reasoned(app.clock(), request))

    hint = "what the agent is told; enter denies with it (also when empty), esc denies nothing"
    app.push_screen(TextDialog("DENY, and say why", hint, done))


def _ask_lease(app: "RoomApp", dialog: ev.OpenDialog) -> None:
    scene = app.scene()
    agent = scene.view and next((a for a in scene.view.agents if scene.request and a.id == scene.request.session), None)
    why = lease.scope_of(scene.request, agent or None)[1] if scene.request else "the request is gone"
    if why:
        app.feed(ev.Closed(app.clock()))
        app.say(f"no grant: {why}", wrong=True)
        return
    app.push_screen(GrantDialog(dialog.request, dialog.digest))


def _decide(app: "RoomApp", decision: ev.Decision) -> None:
    scene = app.scene()
    request = next((r for r in scene.view.pending if r.id == decision.request), None) if scene.view else None
    shown = app.desk.shown_ms()
    if decision.verdict is Verdict.DENY:
        reason = app.reasons.pop(decision.request, "")
        app.order("deny", id=decision.request, digest=decision.digest, reason=reason, shown_ms=shown)
        return
    after: dict[str, Any] | None = None
    if request is not None and scene.view is not None:
        agent = next((a for a in scene.view.agents if a.id == request.session), None)
        after = lease.params(request, agent, decision.lease, app.uses)
    app.order("allow", then=after, id=decision.request, digest=decision.digest, shown_ms=shown)


def told(app: "RoomApp", outcome: Outcome) -> None:
    """What an order came to, in words under the room."""
    if outcome.code:
        _failed(app, outcome)
    elif outcome.method in STEERED:
        _steered(app, outcome)
    elif outcome.method == "clear":
        rows = outcome.result if isinstance(outcome.result, list) else []
        app.say("   ".join(_cleared(row) for row in rows) or "no alarm stands")
    elif outcome.method == "allow":
        app.say("allowed once: delivered to the agent")
    elif outcome.method == "deny":
        app.say("denied: the agent was told" + (" why" if outcome.params.get("reason") else ""))
    elif outcome.method == "grant":
        row = outcome.result if isinstance(outcome.result, dict) else {}
        app.say(f"allowed once, and granted: {row.get('uses', '?')} uses; tab 5 shows it")
    elif outcome.method in undoing.METHODS:
        undoing.told(app, outcome)
    elif outcome.method == "take_change":
        app.say("taken as it is, and recorded; a session that it paused goes on with r")
    elif outcome.method == "reset":
        app.report = None
        if isinstance(app.screen, StopPage):
            app.close(app.screen)
        app.say("reset: nothing was resumed, no grant is back; r resumes the selected agent")


def _cleared(row: dict[str, Any]) -> str:
    count = len(row.get("cleared", ()))
    return f"{row.get('name', '?')}: {count} alarm{'' if count == 1 else 's'} cleared"


def _failed(app: "RoomApp", outcome: Outcome) -> None:
    if outcome.method in ("allow", "deny"):
        app.feed(ev.Failed(app.clock(), str(outcome.params.get("id", ""))))
    app.say(f"{outcome.method} was not taken: {outcome.why}", wrong=True)


def _steered(app: "RoomApp", outcome: Outcome) -> None:
    """Stopped is said only with the kernel's proof (S14)."""
    rows = outcome.result if isinstance(outcome.result, list) else []
    said, wrong = [], False
    for row in rows:
        name, proof, why = row.get("name", "?"), row.get("proof", ""), row.get("why", "")
        over = row.get("state") == "ended" and not row.get("survivors")
        if proof:
            said.append(f"{name}: {row.get('state')} after {row.get('ms')} ms, proof: {proof}")
        elif over or (outcome.method == "resume" and not why):
            said.append(f"{name}: {row.get('state')}")
        else:
            wrong = True
            said.append(f"{name}: {outcome.method.upper()} NOT CONFIRMED{': ' + why if why else ''}")
    app.say("   ".join(said) or "no agent is running", wrong=wrong)
