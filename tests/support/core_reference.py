"""What may be released: an independent, simpler telling of the core's duty, that judges every step of the real one.

It hears the same events, sees the orders that come out, and raises `Violated` where an invariant of safety.md is broken.
It shares the words of the model with the core, and none of its code: time, grants and digests are judged again here.
"""

import msgspec

from controlroom.core import State
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.action import digest_of
from controlroom.model.agent import Rung, SessionState
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.record import Kind, Record
from controlroom.model.request import Decision, Grant, Request, RequestState
from controlroom.model.tier import Tier, Verdict

ACTS = {"freeze": ("freeze", "halt"), "thaw": ("thaw",), "stop": ("stop",), "kill": ("kill", "halt")}
AGENTS = (ev.Asked, ev.PeerGone, ev.Finished, ev.SubagentEnded)
WAITING = {EffectKind.CONFIG, EffectKind.RESTART}


class Violated(AssertionError):
    """An invariant does not hold. The first word is its id in safety.md."""


def need(holds: object, what: str) -> None:
    """Raise `Violated(what)` unless it holds."""
    if not holds:
        raise Violated(what)


def _passed(deadline: Instant, now: Instant) -> bool:
    return not (now.boot < deadline.boot and now.wall < deadline.wall)


class Fate(msgspec.Struct, frozen=True):
    """How far a request may have come. `yes`: who allowed it, rightly; `saved`: its snapshot is there;
    `over`: it ended without release.
    """

    request: Request
    yes: str = ""
    saving: bool = False
    saved: bool = False
    looked: bool = False
    written: bool = False
    replied: bool = False
    released: bool = False
    over: bool = False

    @property
    def alive(self) -> bool:
        return not (self.over or self.released)


class Reference:
    """One daemon's life after another, as far as releases are concerned.

    `gates`: per session open, pausing, shut, resuming or over. `last`: the act of its last STOP record.
    """

    def __init__(self) -> None:
        self.latch = ""
        self.fates: dict[str, Fate] = {}
        self.grants: dict[str, Grant] = {}
        self.gates: dict[str, str] = {}
        self.last: dict[str, str] = {}
        self.answered: frozenset[str] = frozenset()
        self._release = ""
        self._end: set[str] = set()
        self._again = False

    def copy(self) -> "Reference":
        new = Reference()
        new.latch, new.fates, new.grants = self.latch, dict(self.fates), dict(self.grants)
        new.gates, new.last, new.answered = dict(self.gates), dict(self.last), self.answered
        return new

    def crash(self, latch: str) -> "Reference":
        """The daemon is gone: what is not out never will be; no grant and no session is known; the latch is the file's."""
        new = Reference()
        new.latch, new.answered = latch, self.answered
        new.fates = {k: f if f.released else msgspec.structs.replace(f, over=True) for k, f in self.fates.items()}
        return new

    def follow(
        self, event: ev.Event, before: State, after: State, orders: list[od.Order], carried: int | None = None
    ) -> "Reference":
        """The reference after a step of the core. `carried`: the daemon died after that many orders; None = it lives."""
        new = self.copy()
        new._hear(event, before)
        for order in orders[:carried]:
            new._see(event, order)
        if carried is None:
            new._judge(event, before, after, orders)
        return new

    # What may happen

    def _mark(self, name: str, **fields: object) -> None:
        self.fates[name] = msgspec.structs.replace(self.fates[name], **fields)

    def _alive(self, session: str | None = None) -> set[str]:
        return {k for k, f in self.fates.items() if f.alive and session in (None, f.request.session)}

    def _held(self, before: State, name: str) -> bool:
        return name in before.sessions and before.sessions[name].intent != ""

    def _hear(self, event: ev.Event, before: State) -> None:
        match event:
            case ev.SessionOpened(session=opened):
                caught = self.latch and opened.supervised and opened.state is SessionState.RUNNING
                free = self.gates.get(opened.id, "over") == "over" and not self._held(before, opened.id)
                if free and not (caught and event.ticket):
                    runs = opened.state is SessionState.RUNNING and not caught and not event.review
                    self.gates[opened.id] = "open" if runs else "shut"
            case ev.SessionEnded(session=name) if name in self.gates:
                self.gates[name] = "over"
                self._end = self._alive(name)
                self.grants = {k: g for k, g in self.grants.items() if g.session != name}
            case ev.Asked(request=request):
                self._again = request.id in self.fates
                if not self._again:
                    passes = request.assessment.tier <= Tier.T1 and not self.latch and self.gates.get(request.session) == "open"
                    self.fates[request.id] = Fate(
                        request, "policy" if passes else "", looked=passes and not request.assessment.undo
                    )
            case ev.Decided():
                self._hear_decided(event)
            case ev.Snapped(request=name) if (fate := self.fates.get(name)) and fate.alive and fate.saving:
                whole = event.saved.seal != ""
                self._mark(name, saved=whole, saving=False)
                self._end = set() if whole or fate.request.assessment.tier <= Tier.T1 else {name}
            case ev.Checked(request=name) if (
                (fate := self.fates.get(name)) and fate.alive and fate.yes and not (fate.looked or fate.saving)
            ):
                self._mark(name, looked=not event.changed)
                self._end = {name} if event.changed else set()
            case ev.Durable(request=name) if (fate := self.fates.get(name)) and fate.alive and fate.written:
                if event.error or self.latch:
                    self._end = {name}
                else:
                    self._release = name
            case ev.PeerGone(connection=connection):
                for name in [k for k in self._alive() if self.fates[k].request.connection == connection]:
                    self._mark(name, over=True)
            case ev.Tick():
                self._end = {k for k in self._alive() if _passed(self.fates[k].request.deadline, event.at)}
                self.grants = {k: g for k, g in self.grants.items() if not _passed(g.deadline, event.at)}
            case ev.GrantRevoked(id=name):
                self.grants.pop(name, None)
            case ev.HooksGone(session=name, ok=False) if self.gates.get(name) == "pausing" and not self.latch:
                self.gates[name] = "open"
            case ev.Contained(result=result):
                moves = {("thaw", "resuming"): "open", ("freeze", "pausing"): "shut"}
                gate = self.gates.get(result.session, "")
                self.gates |= {result.session: moves.get((result.act, gate), gate)} if gate else {}
            case ev.Estop():
                self.latch = self.latch or event.stop_id
                self._end, self.grants = self._alive(), {}
                self.gates = {k: "over" if g == "over" else "shut" for k, g in self.gates.items()}
            case ev.Reset():
                self.latch = "" if event.stop_id == self.latch else self.latch
            case _:
                pass

    def _hear_decided(self, event: ev.Decided) -> None:
        fate = self.fates.get(event.request)
        if fate is None or not fate.alive:
            return
        if event.verdict is Verdict.DENY:
            self._end = {event.request}
            return
        asked = fate.request
        right = event.digest == digest_of(asked.action, asked.binding) and not _passed(asked.deadline, event.at)
        if right and not fate.yes and not self.latch:
            self._mark(event.request, yes=event.by)

    # What is done

    def _see(self, event: ev.Event, order: od.Order) -> None:
        match order:
            case od.Append(record=record, confirm=confirm):
                self._see_record(event, record, confirm)
            case od.Snapshot(request=name):
                self._see_yes(event, name)
                need(self.fates[name].request.assessment.undo, f"{name} is saved, although nobody can")
                self._mark(name, saving=True)
            case od.Check(request=name):
                self._see_yes(event, name)
                what = self.fates[name].request.assessment
                need(not what.undo or self.fates[name].saved or what.tier <= Tier.T1, f"S6 {name} goes on unsaved")
            case od.Reply():
                self._see_reply(order)
            case od.AwaitHooks(session=name) | od.Contain(session=name, act="freeze"):
                need(not self._alive(name), f"rule 4: {name} is being frozen with a request undecided")
                if isinstance(order, od.Contain):
                    need(self.last.get(name) in ACTS["freeze"], f"S9 {name} is frozen without a record")
            case od.Contain(session=name, act=act):
                need(self.last.get(name) in ACTS[act], f"S9 {name}: {act}, but the last record says {self.last.get(name)}")
                need(act != "thaw" or not self.latch, f"S4 {name} is set going while latched")
            case od.Latch():
                need(self.latch, "S9 a latch file without a stop")
            case od.Unlatch():
                need(isinstance(event, ev.Reset) and not self.latch, "S4 the latch goes without its reset")
            case od.Answer(ticket=ticket):
                need(ticket not in self.answered, f"{ticket} was answered twice")
                self.answered |= {ticket}
            case _:
                pass

    def _see_yes(self, event: ev.Event, name: str) -> None:
        if isinstance(event, ev.Asked) and not self.fates[name].yes:
            self._use_grant(event)
        need(self.fates[name].yes and self.fates[name].alive, f"S10 {name} goes on without anybody's yes")

    def _see_record(self, event: ev.Event, record: Record, confirm: str) -> None:
        if record.kind is Kind.DECISION:
            decision = msgspec.json.decode(record.body, type=Decision)
            fate = self.fates[record.receipt]
            if decision.verdict is Verdict.DENY:
                need(not fate.released, f"{record.receipt} is denied after its release")
                self._mark(record.receipt, over=True)
                return
            right = digest_of(fate.request.action, fate.request.binding)
            need(fate.alive and confirm == record.receipt, f"S1 {record.receipt}: an allow for what is over, or not waited for")
            need(
                fate.yes == decision.by, f"S10 {record.receipt}: the journal says {decision.by}, it was {fate.yes or 'nobody'}"
            )
            need(decision.digest == right and fate.looked, f"S1 {record.receipt}: another digest, or not looked at again")
            self._mark(record.receipt, written=True)
        elif record.kind is Kind.STOP:
            self._see_steering(event, record.session, msgspec.json.decode(record.body)["act"])
        elif record.kind is Kind.GRANT:
            grant = msgspec.json.decode(record.body, type=Grant)
            need(isinstance(event, ev.GrantAsked) and not self.latch, f"S10 grant {grant.id} by nobody, or while latched")
            need(self.gates.get(grant.session, "over") != "over", f"A16 grant {grant.id} for a session that is over")
            need(not WAITING & set(grant.effects), f"S16 grant {grant.id} lets configuration through")
            self.grants[grant.id] = grant
        elif record.kind is Kind.REVOKED:
            self.grants.pop(msgspec.json.decode(record.body)["id"], None)

    def _see_steering(self, event: ev.Event, name: str, act: str) -> None:
        self.last[name] = act
        if act == "thaw":
            operator = isinstance(event, ev.Steered) and event.act == "resume"
            need(operator and not self.latch, f"S4 {name} is resumed by nobody, or while latched")
            self.gates[name] = "resuming"
        elif act == "freeze":
            self.gates[name] = "pausing" if self.gates[name] in ("open", "resuming", "pausing") else self.gates[name]
        else:
            self.gates[name] = "shut"

    def _use_grant(self, event: ev.Asked) -> None:
        request, what = event.request, event.request.assessment
        kinds = {e.kind for e in what.effects} - {EffectKind.READ}
        for grant in self.grants.values():
            mine = grant.session == request.session and grant.subagent in ("", request.subagent)
            within = all(t.certain and (t.path + "/").startswith(grant.path + "/") for t in what.targets)
            literal = what.argv == (grant.argv,) if grant.argv else bool(what.targets) and within and what.undo
            fits = mine and literal and kinds <= set(grant.effects) and not _passed(grant.deadline, event.at)
            if fits and grant.uses and what.tier is not Tier.TX and self.gates[request.session] == "open" and not self.latch:
                self.grants[grant.id] = msgspec.structs.replace(grant, uses=grant.uses - 1)
                self._mark(request.id, yes=f"grant:{grant.id}")
                return
        raise Violated(f"A14 {request.id} goes on, and no grant covers it")

    def _see_reply(self, order: od.Reply) -> None:
        name = order.request
        need(name in self.fates, f"S1 an answer to {name}, which nobody asked")
        fate = self.fates[name]
        what = fate.request.assessment
        need(order.connection == fate.request.connection, f"A23 {name} is answered on another connection")
        need(not fate.replied, f"S2 {name} is answered twice")
        if order.verdict is Verdict.ALLOW:
            need(not self.latch, f"S4 {name} is released while latched")
            need(not fate.over, f"S5 {name} is released after its end")
            need(name == self._release, f"S1 {name} is released without its allow on disk")
            person = fate.yes.startswith("operator")
            # S6: an operator was shown "no undo" with the request; who gave a grant for exactly this command knew it.
            asked = fate.saved or (not what.undo and what.undo_why and fate.yes != "policy")
            need(what.tier <= Tier.T1 or fate.yes != "policy", f"S1 {name} is {what.tier} and was released by policy")
            need(what.tier is not Tier.T2 or asked, f"S6 {name}: no snapshot, and nobody was told")
            need(person or not WAITING & {e.kind for e in what.effects}, f"S16 {name} weakens us without an operator")
        self._mark(name, replied=True, released=order.verdict is Verdict.ALLOW, over=order.verdict is Verdict.DENY)

    # What has to be so afterwards

    def _judge(self, event: ev.Event, before: State, after: State, orders: list[od.Order]) -> None:
        need(not self._end & self._alive(), f"S3 not ended: {sorted(self._end & self._alive())}")
        need(not self._release or self.fates[self._release].released, f"{self._release} was allowed, is on disk, and not out")
        need(self._alive() == set(after.requests), "S3 a request was lost, or came back")
        need(after.latch == self.latch, f"S4 latch is {after.latch or 'off'}, should be {self.latch or 'off'}")
        need(all(k in self.grants for k in after.grants), "A16 a grant lives on")
        acting = [o for o in orders if isinstance(o, od.Reply | od.Check)]
        if self._again:
            need(not acting and not any(isinstance(o, od.Append) for o in orders), "A03 a replay was acted upon")
        if isinstance(event, ev.Decided):
            need(all(o.request == event.request for o in acting), "S12 one decision acted on another request")
        if isinstance(event, AGENTS):
            need(set(after.grants) <= set(before.grants) and after.latch == before.latch, "S10 an agent gave or reset")
        if isinstance(event, ev.Reset):
            need(after.grants == before.grants and after.sessions == before.sessions, "E6 a reset set something going")
        self._judge_words(event, before, after)
        self._judge_bounds(after)

    def _judge_words(self, event: ev.Event, before: State, after: State) -> None:
        for name, held in after.sessions.items():
            word, was = held.session.state, before.sessions[name].session.state if name in before.sessions else None
            if word is SessionState.RUNNING:
                need(self.gates[name] == "open", f"S4 {name} is shown running, and nobody resumed it ({self.gates[name]})")
                need(not (self.latch and held.session.rung is not Rung.OBSERVED), f"S4 {name} runs while latched")
            if word is SessionState.STOPPED and was is not word:
                result = event.result if isinstance(event, ev.Contained) else None
                proved = result and result.session == name and result.act in ("stop", "kill") and result.proof
                need(proved, f"S14 {name} is shown stopped without proof")
                self.gates[name] = "over"

    def _judge_bounds(self, after: State) -> None:
        limits = after.limits
        need(len(after.tombs) <= limits.tombs and len(after.acts) <= limits.acts, "S15 tombs or acts")
        over = [h for h in after.sessions.values() if self.gates[h.session.id] == "over" and not h.intent]
        need(len(over) <= limits.over, "S15 sessions that are over")
        for name, held in after.sessions.items():
            waiting = sum(1 for r in after.of_session(name) if r.state is RequestState.PENDING)
            need(waiting <= limits.undecided and len(held.fresh) <= limits.fresh, f"S15 {name} floods")
