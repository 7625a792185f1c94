"""Claude Code: what its hooks say (33 events are known in 2.1.330; these ten we ask for) and what they are answered."""

import re

from controlroom.agents import hook_json
from controlroom.agents.call import Call, CallKind
from controlroom.agents.hook_json import MOST_NOTE, answer, find, folder_at, id_at, tool_at
from controlroom.agents.strict import BadJson, canonical, text_at
from controlroom.hook import OBSERVATIONS
from controlroom.model.action import Action
from controlroom.model.record import Outcome

MOST_MS = 10**12  # a duration beyond it (30 years) is not believed
KINDS: dict[str, CallKind] = {
    "PreToolUse": "gate",
    "ConfigChange": "config",
    "PostToolUse": "finished",
    "PostToolUseFailure": "finished",
    "SessionStart": "session_start",
    "SessionEnd": "session_end",
    "SubagentStart": "subagent_start",
    "SubagentStop": "subagent_stop",
    "PermissionRequest": "prompt",
    "PreCompact": "compact",
}


def gates(event: str) -> bool:
    """Whether Claude Code waits for an answer at `event`; what we do not know counts as a gate, as in the hook."""
    return event not in OBSERVATIONS


def parse(event: str, payload: bytes, cut: bool = False) -> Call:
    """What a hook's JSON means; `event` is what the hook was installed for, and the JSON must agree.

    Unknown keys are ignored: agents add some with every version. `cut`: the payload is the two ends of a longer observation,
    and only ids are looked for in it. Raises BadJson with the place and what is wrong there.
    """
    kind: CallKind = KINDS.get(event, "other")
    if cut:
        return _parse_cut(event, kind, payload)
    told = hook_json.told(payload)
    if text_at(told, "hook_event_name") != event:
        raise BadJson("hook_event_name", f"is {text_at(told, 'hook_event_name')[:64]!r} in a hook for {event}")
    action = _action(kind, told)
    return Call(
        kind=kind,
        event=event,
        action=action,
        call=id_at(told, "tool_use_id"),
        session=id_at(told, "session_id"),
        subagent=id_at(told, "agent_id"),
        says=_says(told) if action else "",
        outcome=_outcome(event, told) if kind == "finished" else None,
        transcript=text_at(told, "transcript_path", ""),
        cwd=text_at(told, "cwd", ""),
        note=_note(kind, told),
        mode=id_at(told, "permission_mode"),
        tool=id_at(told, "tool_name") if kind == "finished" else "",
        executed=_executed(told) if kind == "finished" else "",
    )


def allow_body(event: str, by: str, reason: str, action: Action) -> bytes:
    """A yes. A person's or a grant's answers the agent's own question too; policy's leaves the agent's own rules in force."""
    if event != "PreToolUse":
        return b"{}"
    said = {"hookEventName": event}
    if by.startswith(("operator:", "grant:")):
        said |= {"permissionDecision": "allow", "permissionDecisionReason": f"controlroom: {reason}"}
    return answer({"hookSpecificOutput": said})


def start_body(context: str) -> bytes:
    """What the agent is told at a session's start, as additional context."""
    if not context:
        return b""
    return answer({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": context}})


def _action(kind: CallKind, told: dict[str, object]) -> Action | None:
    if kind == "config":
        changed = {"source": text_at(told, "source"), "file_path": text_at(told, "file_path", "")}
        return Action("ConfigChange", canonical(changed), folder_at(told, "cwd"))
    if kind not in ("gate", "prompt"):
        return None
    tool = tool_at(told, "tool_name")
    given = told.get("tool_input")
    if not isinstance(given, dict):
        raise BadJson("tool_input", "must be an object")
    return Action(tool, canonical(given), folder_at(told, "cwd"))


def _executed(told: dict[str, object]) -> str:
    """What ran: hooks of others may have rewritten the input after the gate's answer."""
    given = told.get("tool_input")
    return canonical(given) if isinstance(given, dict) else ""


def _says(told: dict[str, object]) -> str:
    given = told.get("tool_input")
    description = given.get("description") if isinstance(given, dict) else None
    return description if isinstance(description, str) else ""


def _outcome(event: str, told: dict[str, object]) -> Outcome:
    took = told.get("duration_ms")
    duration = round(took) if isinstance(took, int | float) and took is not True and 0 <= took <= MOST_MS else None
    if event == "PostToolUseFailure":
        stopped = "interrupted: " if told.get("is_interrupt") is True else ""
        return Outcome(False, (stopped + text_at(told, "error", "no reason given"))[:MOST_NOTE], duration)
    response = told.get("tool_response")
    interrupted = isinstance(response, dict) and response.get("interrupted") is True
    return Outcome(not interrupted, "interrupted" if interrupted else "", duration)


def _note(kind: CallKind, told: dict[str, object]) -> str:
    key = {
        "session_start": "source",
        "session_end": "reason",
        "subagent_start": "agent_type",
        "subagent_stop": "agent_type",
        "config": "source",
        "compact": "trigger",
    }.get(kind)
    return text_at(told, key, "")[:MOST_NOTE] if key else ""


def _parse_cut(event: str, kind: CallKind, ends: bytes) -> Call:
    named = find(ends, "hook_event_name")
    if named not in ("", event):
        raise BadJson("hook_event_name", f"is {named!r} in a hook for {event}")
    took = re.search(rb'(?<!\\)"duration_ms"\s{0,8}:\s{0,8}(\d{1,12})(?=[\s,}.])', ends)
    ok = event == "PostToolUse"
    note = "its report was longer than is read" + ("" if ok else "; the error is in the agent's log")
    return Call(
        kind=kind,
        event=event,
        call=find(ends, "tool_use_id"),
        session=find(ends, "session_id"),
        subagent=find(ends, "agent_id"),
        outcome=Outcome(ok, note, int(took[1]) if took else None) if kind == "finished" else None,
        note=note,
    )
