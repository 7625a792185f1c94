"""One step in the making: the state as it becomes, and the orders so far. Lives inside `step` only."""

import msgspec

from controlroom.core.orders import Answer, Append, Order
from controlroom.core.state import Held, State
from controlroom.model import wire
from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.model.request import Request, RequestState


class Turn:
    """Collects what one event changes. Every `put` replaces a dictionary; the state that came in stays as it was."""

    def __init__(self, state: State, at: Instant) -> None:
        self.state = state
        self.at = at
        self.orders: list[Order] = []
        self.unsettled: dict[str, None] = {}  # sessions to settle at the end of the step, in order

    def change(self, **fields: object) -> None:
        """Replace fields of the state."""
        self.state = msgspec.structs.replace(self.state, **fields)

    def put_request(self, request: Request) -> None:
        self.change(requests={**self.state.requests, request.id: request})

    def bury(self, request: Request, end: RequestState) -> None:
        """Take a request off the table and remember how it ended; the oldest tombs go first when there are too many."""
        requests = {k: v for k, v in self.state.requests.items() if k != request.id}
        tombs = {**self.state.tombs, request.id: end}
        for old in list(tombs)[: max(0, len(tombs) - self.state.limits.tombs)]:
            del tombs[old]
        self.change(requests=requests, tombs=tombs)

    def put_held(self, held: Held) -> None:
        self.change(sessions={**self.state.sessions, held.session.id: held})

    def order(self, order: Order) -> None:
        self.orders.append(order)

    def record(self, kind: Kind, body: object, *, session: str = "", receipt: str = "", confirm: str = "") -> None:
        """Order a journal record; `body` is a Struct or a plain mapping."""
        raw = msgspec.Raw(wire.encode(body))
        self.order(Append(Record(kind, self.at, session, receipt, raw), confirm))

    def answer(self, ticket: str, error: str = "") -> None:
        """Answer an operator's call, if one waits."""
        if ticket:
            self.order(Answer(ticket, error))

    def answer_request(self, request: str, error: str = "") -> None:
        """Answer the operator whose allow of this request is still under way, if any."""
        ticket = self.state.tickets.get(request, "")
        if ticket:
            self.change(tickets={k: v for k, v in self.state.tickets.items() if k != request})
            self.answer(ticket, error)
