"""One measured figure and the bar that it must reach."""

from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """`value` and `bar` in `unit`; `better` says on which side of the bar a good value lies (the bar itself is good)."""

    name: str
    value: float
    unit: str
    bar: float
    better: Literal["lower", "higher"]

    @property
    def ok(self) -> bool:
        """Whether the bar is reached."""
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar

    def line(self) -> str:
        """The figure for people: name, value, bar, and `ok` or `SHORT`."""
        sign = "<=" if self.better == "lower" else ">="
        return f"{self.name:<44} {self.value:>10.3f} {self.unit:<6} {sign} {self.bar:g}  {'ok' if self.ok else 'SHORT'}"

    def object(self) -> dict[str, object]:
        """The figure for programs."""
        return {**msgspec.structs.asdict(self), "ok": self.ok}
