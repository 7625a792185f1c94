"""The small model: every interleaving of a few agents, requests and operators on the real core, breadth first.

The daemon around it is the worst that still keeps its word: what it was told to do ends whenever it likes, well or badly,
and it may die between any two orders. Only the containment of one session is carried out in order.
"""

from collections.abc import Iterator
from typing import NamedTuple

from controlroom.core import Limits, State, step
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import Session, SessionState
from controlroom.model.clock import Instant
from controlroom.model.request import Request
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Verdict
from tests.support.core_make import HOLD, SAVED, START, outcome_of
from tests.support.core_reference import Reference

LIMITS = Limits()
LATE = START.plus(HOLD + 1)
CRASH = "CRASH"
Came = tuple[State, list[od.Order]]
Pending = tuple[str, ...]  # an order under way: its kind, then whom it concerns


class Cast(NamedTuple):
    """Who takes part, and what they may do besides answering what the core orders.

    `calm`: every pause and stop is carried out at once and proved, every denial reaches its asker, so that the interleavings
    are those of the requests.
    """

    sessions: tuple[Session, ...]
    requests: tuple[Request, ...]
    grants: tuple[ev.GrantAsked, ...] = ()
    steering: tuple[str, ...] = ()
    decisions: tuple[tuple[str, str], ...] = (("ann", "allow"), ("ann", "stale"), ("bob", "allow"), ("bob", "deny"))
    ends: bool = False
    calm: bool = False


class Node(NamedTuple):
    """One moment. `file`: the stop id in the latch file. `given`: grants asked for so far."""

    state: State
    ref: Reference
    out: tuple[Pending, ...]
    file: str = ""
    given: tuple[str, ...] = ()
    late: bool = False
    crashed: bool = False

    @property
    def now(self) -> Instant:
        return LATE if self.late else START


class Move(NamedTuple):
    """Something that may happen: what it is called, the event, which order under way it ends."""

    label: str
    event: ev.Event
    ends: Pending | None = None


def begin(cast: Cast, latch: str = "") -> Node:
    """A daemon that has just started, with the sessions open."""
    node = Node(State(limits=LIMITS, latch=latch), Reference(), (), latch)
    node.ref.latch = latch
    return _open(node, cast)


def _open(node: Node, cast: Cast) -> Node:
    for session in cast.sessions:
        move = Move("", ev.SessionOpened(node.now, session))
        node = advance(node, move, step(node.state, move.event), cast)
    return node


def moves(node: Node, cast: Cast) -> Iterator[Move]:
    """All that may happen next, but for a crash."""
    at = node.now
    held: set[str] = set()
    for one in node.out:
        if one[0] == "contain":
            if one[1] in held:
                continue  # the daemon takes hold of one session in order
            held.add(one[1])
        yield from _ends(at, one)
    for request in cast.requests:
        if request.id not in node.ref.fates:
            asked = Request(**{**{f: getattr(request, f) for f in request.__struct_fields__}, "deadline": at.plus(HOLD)})
            yield Move(f"{request.session} asks {request.id} ({request.assessment.tier})", ev.Asked(at, asked))
            continue
        if node.ref.fates[request.id].alive:
            yield Move(f"the asker of {request.id} is gone", ev.PeerGone(at, request.connection))
        yield from _decisions(at, request, cast)
        if node.crashed:
            yield Move(f"late: {request.id} is saved", ev.Snapped(at, request.id, SAVED))
            yield Move(f"late: {request.id} is unchanged", ev.Checked(at, request.id))
            yield Move(f"late: the journal has {request.id}", ev.Durable(at, request.id))
    for grant in cast.grants:
        if grant.id not in node.given:
            yield Move(f"ann grants {grant.id} to {grant.session} ({grant.uses} use)", grant)
    for session in cast.sessions:
        for act in cast.steering:
            yield Move(f"ann: {act} {session.id}", ev.Steered(at, session.id, act, "operator:ann"))
        if cast.ends and session.id in node.state.sessions:
            yield Move(f"{session.id} exits", ev.SessionEnded(at, session.id, SessionState.ENDED))
    yield Move("EMERGENCY STOP", ev.Estop(at, "stop-1", "operator:bob"))
    yield Move("reset", ev.Reset(at, "stop-1", "operator:ann"))
    if not node.late:
        yield Move("601 s pass", ev.Tick(LATE))


def _decisions(at: Instant, request: Request, cast: Cast) -> Iterator[Move]:
    for who, what in cast.decisions:
        digest = "0" * 64 if what == "stale" else request.digest
        verdict = Verdict.DENY if what == "deny" else Verdict.ALLOW
        yield Move(f"{who}: {what} {request.id}", ev.Decided(at, request.id, digest, verdict, f"operator:{who}"))


def _ends(at: Instant, one: Pending) -> Iterator[Move]:
    kind, name = one[0], one[1]
    if kind == "save":
        yield Move(f"{name} is saved", ev.Snapped(at, name, SAVED), one)
        yield Move(f"{name} cannot be saved", ev.Snapped(at, name, Saved("", why="ENOSPC")), one)
    elif kind == "check":
        yield Move(f"{name} is unchanged", ev.Checked(at, name), one)
        yield Move(f"{name} was changed", ev.Checked(at, name, "another script"), one)
    elif kind == "durable":
        yield Move(f"the journal has {name}", ev.Durable(at, name), one)
        yield Move(f"the journal fails for {name}", ev.Durable(at, name, "EIO"), one)
    elif kind == "reply":
        yield Move(f"the answer to {name} is out", ev.Delivered(at, name, True), one)
        yield Move(f"the answer to {name} reaches nobody", ev.Delivered(at, name, False), one)
    elif kind == "hooks":
        yield Move(f"the hooks of {name} are gone", ev.HooksGone(at, name, True), one)
        yield Move(f"a hook of {name} still waits", ev.HooksGone(at, name, False), one)
    else:
        yield Move(f"{one[2]} of {name}: proved", ev.Contained(at, outcome_of(name, one[2])), one)
        yield Move(f"{one[2]} of {name}: no proof", ev.Contained(at, outcome_of(name, one[2], proof="", why="EPERM")), one)


def advance(node: Node, move: Move, came: Came, cast: Cast) -> Node:
    """The node after a move that came to this, with all of its orders begun. Raises Violated."""
    new = _advance(node, move, came)
    while cast.calm and (calm := [o for o in new.out if _is_calm(new, o)]):
        end = next(_ends(new.now, calm[0]))
        new = _advance(new, end, step(new.state, end.event))
    return new


def _is_calm(node: Node, one: Pending) -> bool:
    return one[0] in ("hooks", "contain") or (one[0] == "reply" and node.ref.fates[one[1]].over)


def _advance(node: Node, move: Move, came: Came) -> Node:
    after, orders = came
    ref = node.ref.follow(move.event, node.state, after, orders)
    out = list(node.out)
    if move.ends:
        out.remove(move.ends)
    file = move.event.stop_id if isinstance(move.event, ev.Estop) and not node.file else node.file
    for order in orders:
        begun = _begun(order)
        if begun and begun not in out:
            out.append(begun)
        file = "" if isinstance(order, od.Unlatch) else file
    given = (*node.given, move.event.id) if isinstance(move.event, ev.GrantAsked) else node.given
    late = node.late or isinstance(move.event, ev.Tick)
    return Node(after, ref, tuple(sorted(out, key=lambda o: o[:2])), file, given, late, node.crashed)


def _begun(order: od.Order) -> Pending | None:
    match order:
        case od.Snapshot(request=name):
            return ("save", name)
        case od.Check(request=name):
            return ("check", name)
        case od.Append(confirm=name) if name:
            return ("durable", name)
        case od.Reply(request=name):
            return ("reply", name)
        case od.AwaitHooks(session=name):
            return ("hooks", name)
        case od.Contain(session=name, act=act):
            return ("contain", name, act)
        case _:
            return None


def crashes(node: Node, move: Move, came: Came, cast: Cast) -> Iterator[tuple[str, Node]]:
    """The daemon dies within a move, between two orders that show outside; a new one starts, with what is on disk."""
    orders = came[1]
    cuts = [i + 1 for i, o in enumerate(orders) if isinstance(o, od.Reply | od.Unlatch)]
    stop = isinstance(move.event, ev.Estop)
    for cut in [0, *cuts] if stop else cuts:
        file = move.event.stop_id if isinstance(move.event, ev.Estop) and not node.file else node.file
        file = "" if any(isinstance(o, od.Unlatch) for o in orders[:cut]) else file
        ref = node.ref.follow(move.event, node.state, came[0], orders, cut)
        yield f"{move.label}; {CRASH} after {cut} orders", _restart(node, ref, file, cast)


def _restart(node: Node, ref: Reference, file: str, cast: Cast) -> Node:
    fresh = Node(State(limits=LIMITS, latch=file), ref.crash(file), (), file, node.given, node.late, True)
    return _open(fresh, cast)


def outcomes(node: Node, move: Move, cast: Cast) -> list[tuple[str, Node]]:
    """All that a move can come to, each with its label. Raises Violated."""
    came = step(node.state, move.event)
    found = [(move.label, advance(node, move, came, cast))]
    if not node.crashed:
        found += crashes(node, move, came, cast)
    return found


def crash(node: Node, cast: Cast) -> Node:
    """The daemon dies while nothing happens, with its orders under way."""
    return _restart(node, node.ref, node.file, cast)
