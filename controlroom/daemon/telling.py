"""What operators are told of sessions' own logs: the story of one, what it spent, and the doubts nobody has cleared yet."""

from collections.abc import Callable

from controlroom.core.state import Held
from controlroom.daemon.doubts import Doubts
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.daemon.stories import Stories
from controlroom.daemon.witness import Witness
from controlroom.model import event as ev
from controlroom.model.record import Receipt
from controlroom.model.told import Spending
from controlroom.model.view import StoryView, ToldView

MOST_ROWS = 400
ANSWER_SECONDS = 10.0


class Telling:
    """The methods. `table()` is what the server serves; `by`: who the operator is."""

    def __init__(self, runner: Runner, stories: Stories, witness: Witness, doubts: Doubts, by: str) -> None:
        self._runner, self._stories, self._witness, self._doubts, self._by = runner, stories, witness, doubts, by

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {"story": self.story, "clear": self.clear}

    async def story(self, params: Params) -> object:
        """The story of a session; null where nothing has come since `seq`."""
        session = str(params["session"])
        if session not in self._runner.state.sessions:
            raise CallError("not-found", f"no session {session}")
        if params.get("seq") == self._stories.of(session).version:
            return None
        return self.view(session, max(1, min(MOST_ROWS, int(params.get("limit", MOST_ROWS)))))

    async def clear(self, params: Params) -> object:
        """An operator has looked at the doubts about a session, by name or id; gives how many there were."""
        wanted = str(params["name"])
        everyone = [held.session for held in self._runner.state.sessions.values()]
        named = everyone if wanted == "all" else [s for s in everyone if wanted in (s.id, s.name)]
        if not named and wanted != "all":
            raise CallError("not-found", f"no agent {wanted}")
        cleared = []
        for session in named:
            if texts := self._doubts.of(session.id):
                if error := await self._runner.ask(self._cleared(session.id), ANSWER_SECONDS):
                    raise CallError.of(error)
                cleared.append({"id": session.id, "name": session.name, "cleared": list(texts)})
        return cleared

    def _cleared(self, session: str) -> Callable[[str], ev.Event]:
        return lambda ticket: ev.Cleared(self._runner.clock(), session, self._by, ticket)

    def view(self, session: str, limit: int = MOST_ROWS) -> StoryView:
        """The newest rows of a story, and its figures."""
        return self._stories.of(session).view(self._witness.logs(session), limit)

    def doubts(self, session: str) -> tuple[str, ...]:
        """What nobody has cleared yet."""
        return self._doubts.of(session)

    def spending(self, session: str) -> Spending | None:
        """What it used, as its log tells; None = no log of it is known."""
        return self._stories.of(session).spending if self._witness.logs(session) else None

    def brief(self, held: Held) -> dict[str, object]:
        """What a list of agents tells of each: tokens, dollars and model by its log (null = not told), logs, doubts."""
        session = held.session.id
        story, logs = self._stories.of(session), self._witness.logs(session)
        spending = story.spending if logs else None
        return {
            "tokens": spending.total if spending else None,
            "cost_usd": spending.usd if spending else None,
            "model": story.model or None,
            "logs": list(logs),
            "doubts": list(self._doubts.of(session)),
        }

    def told(self, receipt: Receipt) -> ToldView | None:
        """What the agent's log tells of the call that a receipt is of; None = it has not told of it."""
        call = receipt.intent.call
        told = self._stories.of(receipt.session).told_of(call) if call else None
        doubts = self._doubts.of_call(receipt.session, call)
        return ToldView(told or "", doubts) if told is not None or doubts else None
