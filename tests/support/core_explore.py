"""Going through the small model breadth first, and telling the shortest story that breaks an invariant."""

from typing import NamedTuple

from controlroom.core import orders as od
from controlroom.core import step
from controlroom.model.request import Request
from tests.support.core_make import HOLD
from tests.support.core_model import CRASH, LATE, Cast, Node, begin, crash, moves, outcomes
from tests.support.core_reference import Violated


class Found(NamedTuple):
    """What an exploration saw. `seen`: distinct states; `marks`: how often what came about; `more`: cut at the depth."""

    seen: int
    depth: int
    steps: int
    marks: dict[str, int]
    more: bool


class Refuted(AssertionError):
    """A counterexample: the invariant and the shortest story that breaks it."""


def key(node: Node) -> tuple[object, ...]:
    """What the future depends on. Left out: clocks, reasons, records, who of the two operators it was, and the counts of
    budgets, which so few requests cannot fill.
    """
    state, ref = node.state, node.ref
    return (
        node.out,
        (node.file, state.latch, node.given, node.late, node.crashed),
        tuple(sorted((r.id, r.state, _role(r), r.deadline == LATE.plus(HOLD)) for r in state.requests.values())),
        tuple(sorted(state.tombs.items())),
        (tuple(sorted(state.acts)), tuple(sorted(state.replies))),
        tuple((g.id, g.uses) for g in state.grants.values()),
        tuple((s, h.session.state, h.intent, h.ordered) for s, h in state.sessions.items()),
        tuple(
            sorted(
                (k, bool(f.yes), f.saving, f.saved, f.looked, f.written, f.replied, f.released, f.over)
                for k, f in ref.fates.items()
            )
        ),
        (tuple(sorted(ref.gates.items())), tuple(sorted(ref.last.items()))),
    )


def _role(request: Request) -> str:
    return request.decision.by.partition(":")[0] if request.decision else ""


class Walk:
    """One exploration: the states that were seen, and how each was come to."""

    def __init__(self, cast: Cast, latch: str = "") -> None:
        self.cast = cast
        self.latch = latch
        start = begin(cast, latch)
        self.came: list[tuple[int, str]] = [(-1, "start")]  # by number of the node: the node before, and what happened
        self.seen = {key(start)}
        self.level = [(0, start)]
        self.marks: dict[str, int] = {}
        self.steps = 0

    def deeper(self) -> None:
        """Go one move further from every state of the last level. Raises Refuted."""
        last, self.level = self.level, []
        for number, node in last:
            for move in moves(node, self.cast):
                self.steps += 1
                try:
                    arrivals = outcomes(node, move, self.cast)
                except Violated as e:
                    raise Refuted(f"{e}\n{self._story(number, move.label)}") from e
                for label, new in arrivals:
                    self._arrive(number, label, new)
            if not node.crashed:
                self._arrive(number, CRASH, crash(node, self.cast))

    def _arrive(self, number: int, label: str, new: Node) -> None:
        if (known := key(new)) in self.seen:
            return
        self.seen.add(known)
        self.came.append((number, label))
        self.level.append((len(self.came) - 1, new))
        for mark in _marks(new):
            self.marks[mark] = self.marks.get(mark, 0) + 1

    def _story(self, number: int, last: str) -> str:
        labels = [last]
        while number > 0:
            number, label = self.came[number]
            labels.append(label)
        return tell(labels[::-1], self.cast, self.latch)


def explore(cast: Cast, depth: int, latch: str = "") -> Found:
    """Go through all interleavings of at most `depth` moves. Raises Refuted with the shortest story."""
    walk, levels = Walk(cast, latch), 0
    while walk.level and levels < depth:
        walk.deeper()
        levels += 1
    return Found(len(walk.seen), levels, walk.steps, walk.marks, bool(walk.level))


def _marks(node: Node) -> set[str]:
    """What the exploration has really been to with this state, so that it cannot pass without having been anywhere."""
    released = [f for f in node.ref.fates.values() if f.released]
    words = {f"{h.session.state} {h.session.rung}" for h in node.state.sessions.values()}
    ways = {f"released by {f.yes.partition(':')[0]}" for f in released}
    more = {"crashed"} if node.crashed else set()
    return words | ways | more | ({"latched"} if node.file else set()) | {f"released {len(released)}"}


def tell(labels: list[str], cast: Cast, latch: str = "") -> str:
    """A story in words: each thing that happens, what the core orders, and how the sessions are called then."""
    node, lines = begin(cast, latch), []
    for n, label in enumerate(labels, 1):
        lines.append(f"{n:3}. {label}")
        if label == CRASH:
            node = crash(node, cast)
            continue
        move = next(m for m in moves(node, cast) if m.label == label.partition(f"; {CRASH}")[0])
        after, orders = step(node.state, move.event)
        words = ", ".join(f"{s} {h.session.state}" for s, h in after.sessions.items())
        lines.append(f"       orders: {', '.join(_brief(o) for o in orders) or 'nothing'}\n       then:   {words}")
        if n < len(labels):
            node = dict(outcomes(node, move, cast))[label]
    return "\n".join(lines)


def _brief(order: od.Order) -> str:
    match order:
        case od.Append(record=record):
            return f"Append {record.kind}"
        case od.Reply(request=name, verdict=verdict):
            return f"Reply {verdict} {name}"
        case od.Contain(session=name, act=act):
            return f"Contain {act} {name}"
        case od.Snapshot(request=name) | od.Check(request=name) | od.AwaitHooks(session=name):
            return f"{type(order).__name__} {name}"
        case _:
            return type(order).__name__
