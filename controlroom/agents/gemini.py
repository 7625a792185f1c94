"""Gemini CLI: what its hooks say (measured on 0.61.0; these four we ask for) and what they are answered.

Its hooks tell no id of a call. Those of calls that may run side by side come at once, and none of them runs before all are
answered.
"""

import re

from controlroom.agents import hook_json
from controlroom.agents.call import Call, CallKind
from controlroom.agents.hook_json import MOST_NOTE, answer, find, find_object, folder_at, id_at, tool_at
from controlroom.agents.strict import BadJson, canonical, text_at
from controlroom.hook import OBSERVATIONS
from controlroom.model.action import Action
from controlroom.model.record import Outcome

KINDS: dict[str, CallKind] = {
    "BeforeTool": "gate",
    "AfterTool": "finished",
    "SessionStart": "session_start",
    "SessionEnd": "session_end",
}
NOTES = {"SessionStart": "source", "SessionEnd": "reason"}
_SHELL = "run_shell_command"
_ENDED = re.compile(r"\n(Exit Code|Signal): (\w{1,10})(?=\n)")
_MOST_TAIL = 600  # characters at the end of what a command says, in which its tool tells how it ended
_FAILED = re.compile(rb'(?<!\\)"error"\s{0,8}:\s{0,8}\{\s{0,8}"message"')


def gates(event: str) -> bool:
    """Whether Gemini CLI waits for an answer at `event`; what we do not know counts as a gate, as in the hook."""
    return event not in OBSERVATIONS


def parse(event: str, payload: bytes, cut: bool = False) -> Call:
    """What a hook's JSON means; `event` is what the hook was installed for, and the JSON must agree.

    `cut`: the payload is the two ends of a longer observation. Raises BadJson with the place and what is wrong there.
    """
    kind: CallKind = KINDS.get(event, "other")
    if cut:
        return _parse_cut(event, kind, payload)
    told = hook_json.told(payload)
    if text_at(told, "hook_event_name") != event:
        raise BadJson("hook_event_name", f"is {text_at(told, 'hook_event_name')[:64]!r} in a hook for {event}")
    action = _action(told) if kind == "gate" else None
    given = told.get("tool_input")
    finished = kind == "finished"
    return Call(
        kind=kind,
        event=event,
        action=action,
        session=id_at(told, "session_id"),
        says=_says(given) if action else "",
        outcome=_outcome(told) if finished else None,
        transcript=text_at(told, "transcript_path", ""),
        cwd=text_at(told, "cwd", ""),
        note=text_at(told, NOTES[event], "")[:MOST_NOTE] if event in NOTES else "",
        tool=id_at(told, "tool_name") if finished else "",
        executed=canonical(given) if finished and isinstance(given, dict) else "",
    )


def allow_body(event: str, by: str, reason: str, action: Action) -> bytes:
    """A yes. It answers no question of the agent's own: its hooks cannot, whoever said yes."""
    return answer({"decision": "allow"})


def start_body(context: str) -> bytes:
    """What the agent is told at a session's start, as additional context."""
    if not context:
        return b""
    return answer({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": context}})


def _action(told: dict[str, object]) -> Action:
    given = told.get("tool_input")
    if not isinstance(given, dict):
        raise BadJson("tool_input", "must be an object")
    return Action(tool_at(told, "tool_name"), canonical(given), folder_at(told, "cwd"))


def _says(given: object) -> str:
    description = given.get("description") if isinstance(given, dict) else None
    return description if isinstance(description, str) else ""


def _outcome(told: dict[str, object]) -> Outcome:
    """How the call ended. A command that ended badly is a success to its tool, and says so in the last lines of its result."""
    response = told.get("tool_response")
    if not isinstance(response, dict):
        return Outcome(False, "its result is not told", None)
    error = response.get("error")
    if error is not None:
        why = error.get("message") if isinstance(error, dict) else None
        return Outcome(False, why[:MOST_NOTE] if isinstance(why, str) else "no reason given", None)
    said = response.get("llmContent")
    ended = _ENDED.findall(said[-_MOST_TAIL:]) if told.get("tool_name") == _SHELL and isinstance(said, str) else []
    if not ended or ended[-1] == ("Exit Code", "0"):
        return Outcome(True, "", None)
    return Outcome(False, f"{ended[-1][0].lower()} {ended[-1][1]}", None)


def _parse_cut(event: str, kind: CallKind, ends: bytes) -> Call:
    named = find(ends, "hook_event_name")
    if named not in ("", event):
        raise BadJson("hook_event_name", f"is {named!r} in a hook for {event}")
    finished = kind == "finished"
    ok = _FAILED.search(ends) is None
    note = "its report was longer than is read" + ("" if ok else "; the error is in the agent's log")
    return Call(
        kind=kind,
        event=event,
        session=find(ends, "session_id"),
        outcome=Outcome(ok, note, None) if finished else None,
        note=note,
        tool=find(ends, "tool_name") if finished else "",
        executed=find_object(ends, "tool_input") if finished else "",
    )
