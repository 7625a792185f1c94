"""Copilot CLI: what its hooks say (measured on 1.0.102; these eight we ask for) and what they are answered.

Its hooks tell no id of a call, and no event: which one it is stands in our command alone. Hooks of one turn's calls come one
after the other, each after the answer to the one before.
"""

import re

from controlroom.agents import hook_json
from controlroom.agents.call import Call, CallKind
from controlroom.agents.hook_json import MOST_NOTE, answer, find, find_object, folder_at, id_at, tool_at
from controlroom.agents.strict import BadJson, canonical, read_object, text_at
from controlroom.hook import OBSERVATIONS
from controlroom.model.action import Action
from controlroom.model.record import Outcome

KINDS: dict[str, CallKind] = {
    "preToolUse": "gate",
    "postToolUse": "finished",
    "postToolUseFailure": "finished",
    "sessionStart": "session_start",
    "sessionEnd": "session_end",
    "subagentStart": "subagent_start",
    "subagentStop": "subagent_stop",
    "preCompact": "compact",
}
NOTES = {
    "sessionStart": "source",
    "sessionEnd": "reason",
    "subagentStart": "agentName",
    "subagentStop": "agentName",
    "preCompact": "trigger",
}
_EXIT = re.compile(r"<(?:shellId|command with id): [^<>\n]{1,128} completed with exit code (\d{1,10})>\s*$")


def gates(event: str) -> bool:
    """Whether Copilot CLI waits for an answer at `event`; what we do not know counts as a gate, as in the hook."""
    return event not in OBSERVATIONS


def parse(event: str, payload: bytes, cut: bool = False) -> Call:
    """What a hook's JSON means; `event` is what the hook was installed for. `cut`: the payload is the two ends of a longer
    observation. Raises BadJson with the place and what is wrong there.
    """
    kind: CallKind = KINDS.get(event, "other")
    if cut:
        return _parse_cut(event, kind, payload)
    told = hook_json.told(payload)
    for key in ("hookName", "hook_event_name"):
        if (named := text_at(told, key, event)) != event:
            raise BadJson(key, f"is {named[:64]!r} in a hook for {event}")
    action = _action(told) if kind == "gate" else None
    given = told.get("toolArgs")
    finished = kind == "finished"
    subagent = id_at(told, "agentId")
    return Call(
        kind=kind,
        event=event,
        action=action,
        session=id_at(told, "parentAgentId" if subagent else "sessionId"),
        subagent=subagent,
        says=_says(given) if action else "",
        outcome=_outcome(event, told) if finished else None,
        transcript=text_at(told, "transcriptPath", ""),
        cwd=text_at(told, "cwd", ""),
        note=text_at(told, NOTES[event], "")[:MOST_NOTE] if event in NOTES else "",
        tool=tool_name(id_at(told, "toolName")) if finished else "",
        executed=canonical(arguments(given)) if finished and given is not None else "",
    )


def allow_body(event: str, by: str, reason: str, action: Action) -> bytes:
    """A yes. A person's or a grant's answers the agent's own question too; policy's leaves the agent's own rules in force."""
    if event == "preToolUse" and by.startswith(("operator:", "grant:")):
        return answer({"permissionDecision": "allow", "permissionDecisionReason": f"controlroom: {reason}"})
    return b"{}"


def start_body(context: str) -> bytes:
    """What the agent is told at a session's start, as additional context."""
    return answer({"additionalContext": context}) if context else b""


def tool_name(name: str) -> str:
    """A tool as policy knows it. A tool of an MCP server is `SERVER-TOOL` here, and no tool of the agent's own has a dash."""
    return f"mcp__{name}" if "-" in name and not name.startswith("mcp__") else name


def arguments(given: object) -> dict[str, object]:
    """What a tool is called with: an object, one as text, or the plain text of tools that take nothing else (a patch).

    Raises BadJson for anything else, and for text that begins like an object and is none.
    """
    if isinstance(given, dict):
        return given
    if not isinstance(given, str):
        raise BadJson("toolArgs", "must be an object or a text")
    return read_object(given.encode("utf-8", "surrogatepass")) if given.lstrip().startswith("{") else {"input": given}


def _action(told: dict[str, object]) -> Action:
    tool = tool_at(told, "toolName")
    return Action(tool_name(tool), canonical(arguments(told.get("toolArgs"))), folder_at(told, "cwd"))


def _says(given: object) -> str:
    description = given.get("description") if isinstance(given, dict) else None
    return description if isinstance(description, str) else ""


def _outcome(event: str, told: dict[str, object]) -> Outcome:
    """How the call ended. A command that ended badly is a success to its tool; its exit code is the last that it says."""
    if event == "postToolUseFailure":
        return Outcome(False, text_at(told, "error", "no reason given")[:MOST_NOTE], None)
    result = told.get("toolResult")
    told_of = result if isinstance(result, dict) else {}
    kind, said = told_of.get("resultType"), told_of.get("textResultForLlm")
    if kind != "success":
        return Outcome(False, f"its result is {kind[:64] if isinstance(kind, str) else 'not told'}", None)
    code = _EXIT.search(said[-400:]) if isinstance(said, str) else None
    return Outcome(False, f"exit code {code[1]}", None) if code and int(code[1]) else Outcome(True, "", None)


def _parse_cut(event: str, kind: CallKind, ends: bytes) -> Call:
    subagent = find(ends, "agentId")
    ok = event == "postToolUse"
    note = "its report was longer than is read" + ("" if ok else "; the error is in the agent's log")
    finished = kind == "finished"
    return Call(
        kind=kind,
        event=event,
        session=find(ends, "parentAgentId" if subagent else "sessionId"),
        subagent=subagent,
        outcome=Outcome(ok, note, None) if finished else None,
        note=note,
        tool=tool_name(find(ends, "toolName")) if finished else "",
        executed=find_object(ends, "toolArgs") if finished else "",
    )
