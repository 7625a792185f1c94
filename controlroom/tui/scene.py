"""All that one frame is drawn from."""

import msgspec

from controlroom.model.view import AgentView, RequestView, RoomView
from controlroom.tui.approval import Approval
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.keys import Context
from controlroom.tui.link import Contact
from controlroom.tui.looking import Looking
from controlroom.tui.ports import Report


class Scene(msgspec.Struct, frozen=True):
    """`age`: seconds since the newest snapshot. `context`: what decides which keys are on. `badge`: what makes approvals
    weaker here, "" = nothing. `advice`: for a newcomer. `report`: of the emergency stop that this room pulled; `pulling`: one
    is under way.
    """

    contact: Contact
    approval: Approval
    looking: Looking
    glyphs: Glyphs
    context: Context
    unready: str
    age: float = 0.0
    badge: str = ""
    advice: str = ""
    report: Report | None = None
    pulling: bool = False

    @property
    def view(self) -> RoomView | None:
        """The newest snapshot."""
        return self.contact.view

    @property
    def agent(self) -> AgentView | None:
        """The selected agent."""
        return self.looking.selected(self.view)

    @property
    def request(self) -> RequestView | None:
        """The focused request."""
        pending = self.view.pending if self.view else ()
        return next((r for r in pending if r.id == self.approval.focus), None)
