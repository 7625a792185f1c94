"""What an agent's hook told us, in our words."""

from typing import Literal

import msgspec

from controlroom.model.action import Action
from controlroom.model.record import Outcome

# gate: the agent wants to do `action` and waits. config: a settings file changed and the agent asks whether to take it, a gate
# too. finished: the call is over with `outcome`. prompt: the agent asks its own user about `action`. compact: it is about to
# shorten what it remembers of the session.
CallKind = Literal[
    "gate",
    "config",
    "finished",
    "session_start",
    "session_end",
    "subagent_start",
    "subagent_stop",
    "prompt",
    "compact",
    "other",
]


class Call(msgspec.Struct, frozen=True):
    """One message of an agent's hook. Everything in it is the agent's claim.

    `event`: the agent's own name of the event. `call`: its id of the tool call, "" where it has none. `session` and `subagent`:
    which run of it and which subagent of that speaks. `says`: its description of the action (which stays in the action's input
    too). `transcript`: the path of its log; `cwd`: where it works; both "" where not told. `note`: what else is worth a line
    (source, reason, error). `mode`: how much it asks its own user, in its own word. `tool`, `executed`: of a call that is over,
    what ran, as canonical JSON, "" = not told.
    """

    kind: CallKind
    event: str = ""
    action: Action | None = None
    call: str = ""
    session: str = ""
    subagent: str = ""
    says: str = ""
    outcome: Outcome | None = None
    transcript: str = ""
    cwd: str = ""
    note: str = ""
    mode: str = ""
    tool: str = ""
    executed: str = ""
