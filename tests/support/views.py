"""Views of a room in every state that must look right, for the tests of what is drawn. All times are fixed."""

from msgspec.structs import replace

from controlroom.model.agent import Label, ProcessId, Rung, SessionState, StopResult, Survivor
from controlroom.model.effect import EffectKind, Reason, Target
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier
from controlroom.model.view import AlarmView, EffectView, Load, RoomView
from tests.support.view_parts import (
    NOW,
    PROJECT,
    agent,
    ago,
    files,
    grants,
    layers,
    log,
    permissions,
    processes,
    receipt,
    receipts,
    request_edit,
    request_t2,
    request_t3,
    status,
    story,
)

__all__ = [
    "HOSTILE",
    "NOW",
    "PROJECT",
    "STATES",
    "agent",
    "ago",
    "files",
    "grants",
    "layers",
    "log",
    "processes",
    "receipt",
    "receipts",
]
__all__ += ["broken", "busy", "empty", "filled", "hostile", "pending_t2", "pending_t3", "room", "stopped"]
__all__ += ["permissions", "request_edit", "request_t2", "request_t3", "status", "story"]

HOSTILE = (
    "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\u202egnp.exe\u2066\u200b\U000e0041 "
    "[/bold][@click=app.quit]x[/] ▐ APPROVED ▐ \t\u0442\u0435\u0441\u0442 \u0301\u0302\u0303\u0304 界"
    + " " * 40
    + "\r\n\x00rm -rf /"
)


def room(**changes: object) -> RoomView:
    """A room without anybody in it."""
    return replace(RoomView(41, NOW, status(), (), (), (), (), (), ()), **changes)


def empty() -> RoomView:
    """Nothing runs, nothing has happened."""
    return room()


def busy() -> RoomView:
    """Agents in many states, nothing to answer."""
    lost = Load(0.0, 0, 0)
    return room(
        seq=42,
        agents=(
            agent(),
            agent(
                "codex-2",
                kind="codex",
                tool="shell: npm test",
                last=ago(12),
                rung=Rung.SUBREAPER,
                pid=5151,
                load=Load(71.3, 1_300 * 1024 * 1024, 14),
            ),
            agent(
                "gemini-3",
                kind="gemini",
                state=SessionState.PAUSED,
                tool="",
                last=ago(700),
                load=Load(0.0, 90 * 1024 * 1024, 2),
                stop=StopResult("s-gemini-3", "freeze", "cgroup frozen 1", 4),
            ),
            agent(
                "nightly-import",
                kind="process",
                state=SessionState.ENDED,
                label=Label.ADVISORY,
                rung=Rung.OBSERVED,
                tool="",
                last=ago(9_000),
                load=lost,
                pid=None,
            ),
        ),
        grants=grants(),
        receipts=receipts(),
        log=log(),
        alarms=(AlarmView(40, ago(120), "hooks", "s-claude-1", "hooks of claude-1 were changed on disk"),),
    )


def pending_t2() -> RoomView:
    """One request, with a snapshot behind it."""
    view = busy()
    agents = (replace(view.agents[0], pending=1), *view.agents[1:])
    return replace(view, seq=43, agents=agents, pending=(request_t2(),))


def pending_t3() -> RoomView:
    """Three requests; the worst came last."""
    view = busy()
    agents = (replace(view.agents[0], pending=2), replace(view.agents[1], pending=1), *view.agents[2:])
    return replace(view, seq=44, agents=agents, pending=(request_t2(), request_edit(), request_t3()))


def stopped() -> RoomView:
    """The emergency stop is in force: one frozen, one dead, one not confirmed."""
    view = busy()
    left = Survivor(ProcessId(6001, 99, "b"), "python3", "no proof on this rung")
    agents = (
        replace(view.agents[0], state=SessionState.PAUSED, stop=StopResult("s-claude-1", "freeze", "cgroup frozen 1", 3)),
        replace(
            view.agents[1],
            state=SessionState.STOPPED,
            load=None,
            stop=StopResult("s-codex-2", "kill", "ECHILD", 112, killed=14),
        ),
        view.agents[2],
        replace(
            view.agents[3],
            name="importer",
            state=SessionState.UNCONFIRMED,
            pid=6001,
            stop=StopResult("s-nightly-import", "kill", "", 2_000, killed=1, survivors=(left,), why="1 process is still there"),
        ),
    )
    return replace(
        view, seq=45, status=status(stop_id="5f3a", stop_by="operator:ada"), agents=agents, grants=(), survivors=(left,)
    )


def broken() -> RoomView:
    """The house itself is in trouble."""
    house = status(
        journal="no space left on device",
        manifest="never-touch changed without an operator",
        unjournalled=7,
        rung=Rung.OBSERVED,
    )
    return replace(pending_t2(), seq=46, status=house)


def hostile() -> RoomView:
    """Everything that others can write is an attack on the screen."""
    return filled(HOSTILE)


def filled(text: str) -> RoomView:
    """A room where every field that others write holds `text`."""
    view = pending_t3()
    bad = request_t3(
        agent=text,
        subagent=text,
        tool=text,
        text=text + "\n" * 30 + "\ttail",
        cwd="/" + text,
        says=text * 9,
        argv=((text, "", " ", '"', "\u0430"), ("x" * 500,)),
        targets=(Target("/" + text), Target("/" + "d/" * 200)),
        reasons=(Reason(text, Tier.T3, text, text),),
        undo_why=text,
        diff="--- a\n+++ b\n-" + text + "\n+\x1b[31m",
        invalid=text,
        id=text,
        digest=text,
    )
    house = status(host=text, journal=text, manifest=text, settings=text, stop_by=text, rung_why=text)
    stop = StopResult("s", "kill", "", 9, why=text)
    agents = tuple(replace(a, name=text, tool=text, kind=text, workspace=text, command=(text,)) for a in view.agents)
    return room(
        seq=47,
        status=house,
        agents=(*agents, replace(agents[0], state=SessionState.UNCONFIRMED, stop=stop)),
        pending=(bad, *view.pending[:1]),
        grants=tuple(replace(g, by=text, path=text, argv=(text,), subagent=text) for g in view.grants),
        receipts=tuple(
            replace(
                r,
                agent=text,
                tool=text,
                text=text,
                by=text,
                reason=text,
                note=text,
                targets=(text,),
                cwd=text,
                says=text,
                grant=text,
                undo_why=text,
                undone=text,
                gaps=(text,),
                reasons=(Reason(text, r.tier, text, text),),
                saved=Saved("5e" * 32, why=text, left_out=(text,)),
                declared=(EffectView(EffectKind.DELETE, (text,)),),
                seen=(EffectView(EffectKind.DELETE, (text,)),),
            )
            for r in view.receipts
        ),
        log=tuple(replace(row, text=text) for row in view.log),
        alarms=tuple(replace(a, text=text, kind=text) for a in view.alarms),
        survivors=(Survivor(ProcessId(1, 1, "b"), text, text),),
    )


STATES = {
    "empty": empty,
    "busy": busy,
    "pending_t2": pending_t2,
    "pending_t3": pending_t3,
    "stopped": stopped,
    "broken": broken,
    "hostile": hostile,
}
