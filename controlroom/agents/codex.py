"""Codex: what its hooks say (measured on 0.169.0; these eight we ask for) and what they are answered.

Its hooks call every command `Bash`, tell where it runs as their own `cwd`, and tell nothing else of its input. A tool that a
script of its model calls (`exec`) comes to them like any other; what types into a process that runs (`write_stdin`) never does.
So a command that we allow has no input to type into: the answer rewrites it.
"""

import re

from controlroom.agents import hook_json
from controlroom.agents.call import Call, CallKind
from controlroom.agents.hook_json import MOST_NOTE, answer, find, folder_at, id_at, tool_at
from controlroom.agents.strict import BadJson, canonical, read_object, text_at
from controlroom.hook import OBSERVATIONS
from controlroom.model.action import Action
from controlroom.model.record import Outcome

SHELL = "exec_command"  # as its log calls what its hooks call `Bash`
PATCH = "apply_patch"
NO_INPUT = "exec </dev/null; "  # before a command that we allow
KINDS: dict[str, CallKind] = {
    "PreToolUse": "gate",
    "PostToolUse": "finished",
    "SessionStart": "session_start",
    "SessionEnd": "session_end",
    "SubagentStart": "subagent_start",
    "SubagentStop": "subagent_stop",
    "PermissionRequest": "prompt",
    "PreCompact": "compact",
}
NOTES = {
    "SessionStart": "source",
    "SessionEnd": "reason",
    "SubagentStart": "agent_type",
    "SubagentStop": "agent_type",
    "PreCompact": "trigger",
}
SPACES = ("collaboration", "clock")  # of tools; a name in another one stands alone
_SPACED = re.compile(rf"({'|'.join(SPACES)}|multi_agent_v1)(?=[a-z])")


def gates(event: str) -> bool:
    """Whether Codex waits for an answer at `event`; what we do not know counts as a gate, as in the hook."""
    return event not in OBSERVATIONS


def parse(event: str, payload: bytes, cut: bool = False) -> Call:
    """What a hook's JSON means; `event` is what the hook was installed for, and the JSON must agree. `cut`: the payload is the
    two ends of a longer observation. Raises BadJson with the place and what is wrong there.
    """
    kind: CallKind = KINDS.get(event, "other")
    if cut:
        return _parse_cut(event, kind, payload)
    told = hook_json.told(payload)
    if text_at(told, "hook_event_name") != event:
        raise BadJson("hook_event_name", f"is {text_at(told, 'hook_event_name')[:64]!r} in a hook for {event}")
    action = _action(told) if kind in ("gate", "prompt") else None
    finished = kind == "finished"
    subagent = id_at(told, "agent_id")
    return Call(
        kind=kind,
        event=event,
        action=action,
        call=id_at(told, "tool_use_id"),
        session=id_at(told, "session_id"),
        subagent=subagent,
        says=_says(told) if action else "",
        outcome=Outcome(True, "its hook tells no exit code", None) if finished else None,
        transcript=""
        if subagent
        else text_at(told, "transcript_path", ""),  # a subagent's is its own, and found beside its parent's
        cwd=text_at(told, "cwd", ""),
        note=text_at(told, NOTES[event], "")[:MOST_NOTE] if event in NOTES else "",
        mode=id_at(told, "permission_mode"),
        tool=tool_name(id_at(told, "tool_name")) if finished else "",
        executed=canonical(_input(told)) if finished and isinstance(told.get("tool_input"), dict) else "",
    )


def allow_body(event: str, by: str, reason: str, action: Action) -> bytes:
    """A yes: nothing but a rewritten command counts to Codex. Its own rules and questions stay in force (measured)."""
    if event != "PreToolUse" or action.tool != SHELL:
        return b"{}"
    command = text_at(read_object(action.input.encode("utf-8", "surrogatepass")), "cmd")
    said = {"hookEventName": event, "permissionDecision": "allow", "updatedInput": {"command": NO_INPUT + command}}
    return answer({"hookSpecificOutput": said})


def start_body(context: str) -> bytes:
    """What the agent is told at a session's start, as additional context."""
    if not context:
        return b""
    return answer({"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": context}})


def tool_name(name: str) -> str:
    """A tool as its log and policy call it: a hook writes a tool's space and its name as one word."""
    if name == "Bash":
        return SHELL
    found = _SPACED.match(name)
    if found is None:
        return name
    return f"{found[1]}.{name[found.end() :]}" if found[1] in SPACES else name[found.end() :]


def _action(told: dict[str, object]) -> Action:
    tool = tool_name(tool_at(told, "tool_name"))
    if not isinstance(told.get("tool_input"), dict):
        raise BadJson("tool_input", "must be an object")
    return Action(tool, canonical(_input(told)), folder_at(told, "cwd"))


def _input(told: dict[str, object]) -> dict[str, object]:
    """What it is called with, in its log's words: a command without our own head, a patch by its name."""
    given = told["tool_input"]
    assert isinstance(given, dict)
    tool = told.get("tool_name")
    if tool == "Bash":
        return {"cmd": text_at(given, "command").removeprefix(NO_INPUT)}
    return {"input": text_at(given, "command")} if tool == PATCH and "command" in given else given


def _says(told: dict[str, object]) -> str:
    given = told.get("tool_input")
    description = given.get("description") if isinstance(given, dict) else None
    return description if isinstance(description, str) else ""


def _parse_cut(event: str, kind: CallKind, ends: bytes) -> Call:
    named = find(ends, "hook_event_name")
    if named not in ("", event):
        raise BadJson("hook_event_name", f"is {named!r} in a hook for {event}")
    note = "its report was longer than is read"
    return Call(
        kind=kind,
        event=event,
        call=find(ends, "tool_use_id"),
        session=find(ends, "session_id"),
        subagent=find(ends, "agent_id"),
        outcome=Outcome(True, note, None) if kind == "finished" else None,
        note=note,
    )
