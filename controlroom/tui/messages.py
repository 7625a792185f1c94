"""What comes back to the app from threads."""

from textual.message import Message

from controlroom.tui.link import Outcome
from controlroom.tui.ports import Report


class News(Message):
    """The line to the daemon has something new."""


class Done(Message):
    """An order has come to its end."""

    def __init__(self, outcome: Outcome, note: str = "") -> None:
        super().__init__()
        self.outcome = outcome
        self.note = note


class Pulled(Message):
    """The emergency stop has come to its end."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
