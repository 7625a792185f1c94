"""Runaway trips: the figures at which a session is halted without being asked, and a person has to look."""

from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Amount = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]


class Trips(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures of one session (product.md, defaults); None = not watched.

    `cpu_minutes`: CPU time used in the last 10 minutes, all processes together. `memory_gib`: resident memory of all together.
    `deletes`: files that vanished in the workspace in one minute. `writes`: those that were made or changed, each time counted.
    `same_call`: the same tool with the same input in a row. `denials`: by operators or never-touch, in a row: the session is
    closed to new calls, and paused when what is before the operator is answered.
    `tokens`, `cost_usd`: all that the agent's transcript tells. `wall_minutes`: since the session began. `alone_minutes`: no
    operator attached. `act`: what happens then; both deny what is pending first.
    """

    processes: Count | None = 512
    cpu_minutes: Amount | None = 30.0
    memory_gib: Amount | None = 8.0
    deletes: Count | None = 2000
    writes: Count | None = None
    same_call: Count | None = 20
    denials: Count | None = 3
    tokens: Count | None = None
    cost_usd: Amount | None = None
    wall_minutes: Amount | None = None
    alone_minutes: Amount | None = None
    act: Literal["pause", "stop"] = "pause"
