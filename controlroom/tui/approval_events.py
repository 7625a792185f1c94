"""What approval is told and what it answers. Times are monotonic seconds, as the event's own source read them."""

from typing import Literal

import msgspec

from controlroom.model.tier import Tier, Verdict

Source = Literal["plain", "paste", "repeat", "mouse", "palette"]
Surface = Literal["panel", "full", "dialog"]
Lease = Literal["", "minutes", "session", "uses"]


class Waiting(msgspec.Struct, frozen=True):
    """A request in the inbox, as far as approval needs it. `asked` orders (ns); `size`: bytes of what must be judged."""

    id: str
    digest: str
    tier: Tier
    asked: int
    size: int = 0


class Changed(msgspec.Struct, frozen=True):
    """A newer view: what waits now, and the stop in force ("" = none)."""

    at: float
    waiting: tuple[Waiting, ...]
    latch: str = ""


class Offline(msgspec.Struct, frozen=True):
    """The daemon is gone: what is on screen is old."""

    at: float


class Shown(msgspec.Struct, frozen=True):
    """A whole frame with this request was handed to the terminal. May be said again for every frame.

    `fits_fully`: all that must be judged is on screen at once. `too_small`: not even the mandatory fields are.
    `surface`: the room's panel, the full view, or the grant dialog over either.
    """

    at: float
    request: str
    digest: str
    tier: Tier
    fits_fully: bool
    too_small: bool = False
    surface: Surface = "panel"


class ScrolledToEnd(msgspec.Struct, frozen=True):
    """The last line of what must be judged was on screen."""

    at: float
    request: str
    digest: str


class Relaid(msgspec.Struct, frozen=True):
    """The screen was resized or laid out anew: nothing counts as shown any more."""

    at: float


class Blurred(msgspec.Struct, frozen=True):
    """The terminal lost its focus, or (`lost` false) got it back."""

    at: float
    lost: bool


class Away(msgspec.Struct, frozen=True):
    """Keys cannot answer: a text field has the keyboard, or another screen lies over the request. "" = they can again."""

    at: float
    why: str


class Moved(msgspec.Struct, frozen=True):
    """The operator went to the next (1) or previous (-1) pending request."""

    at: float
    by: int


class Focused(msgspec.Struct, frozen=True):
    """The operator went to this request."""

    at: float
    request: str


class Key(msgspec.Struct, frozen=True):
    """One key event. `at`: when it was read from the terminal; `epoch`: `Approval.epoch` at that moment."""

    at: float
    key: str
    epoch: int
    source: Source = "plain"


class Closed(msgspec.Struct, frozen=True):
    """The grant dialog was left without an answer."""

    at: float


class Reasoned(msgspec.Struct, frozen=True):
    """The operator finished the text that goes with the denial of this request."""

    at: float
    request: str


class Failed(msgspec.Struct, frozen=True):
    """The daemon did not take a decision: the request may be decided again."""

    at: float
    request: str


class Tick(msgspec.Struct, frozen=True):
    """Time went by."""

    at: float


Event = (
    Changed
    | Offline
    | Shown
    | ScrolledToEnd
    | Relaid
    | Blurred
    | Away
    | Moved
    | Focused
    | Key
    | Closed
    | Reasoned
    | Failed
    | Tick
)


class Decision(msgspec.Struct, frozen=True):
    """Send this to the daemon. `digest` is the one that was on screen; `lease`: what is granted besides."""

    request: str
    digest: str
    verdict: Verdict
    lease: Lease = ""


class Refusal(msgspec.Struct, frozen=True):
    """Nothing was decided; `why` is for the operator."""

    why: str


class Settling(msgspec.Struct, frozen=True):
    """An allow that waits to see that no paste follows its key. Feed a `Tick` at `due`."""

    due: float


class OpenDialog(msgspec.Struct, frozen=True):
    """Open a dialog about this request: the text of a denial, or what to grant."""

    which: Literal["reason", "grant"]
    request: str
    digest: str


Answer = Decision | Refusal | Settling | OpenDialog
