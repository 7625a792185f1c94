"""One measured figure and the bar that it must reach."""

from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """`value` and `bar` in `unit`; `better` says on which side of the bar a good value lies (the bar itself is good).

    `shown`: there for comparison only; it has no bar.
    """

    name: str
    value: float
    unit: str
    bar: float
    better: Literal["lower", "higher", "shown"]

    @property
    def ok(self) -> bool:
        """Whether the bar is reached."""
        if self.better == "shown":
            return True
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar
