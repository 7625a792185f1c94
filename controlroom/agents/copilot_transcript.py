"""Copilot CLI's events: `{"type", "data", "id", "timestamp", "parentId"}` a line, `agentId` in those of a subagent.

A call stands in the message that asks for it, and again where it begins; it is told the first time.
"""

import glob
import re
from collections import OrderedDict

import msgspec

from controlroom.agents.copilot import arguments, tool_name
from controlroom.agents.strict import BadJson
from controlroom.agents.transcript import (
    MOST_PATH,
    MOST_TEXT,
    Heard,
    Where,
    dumped,
    items,
    joined,
    member,
    name,
    number,
    text,
    unknown,
)
from controlroom.model.told import (
    Began,
    Changed,
    Compacted,
    Noted,
    Prompt,
    Said,
    Spent,
    SubagentEnded,
    SubagentStarted,
    Thought,
    Tokens,
    Told,
    ToolResult,
    ToolUse,
)

# The other events that are written to the disk, by the schema that the program ships.
QUIET = frozenset(
    """
    assistant.fusion_phase_completed assistant.fusion_phase_failed assistant.turn_end assistant.turn_start audio blob hook.end
    hook.start human_response.recorded image mcp.oauth_recovery_completed permission.assentDetected permission.carriedForward
    permission.completed permission.contextualAuthorization permission.messageAuthorization
    permission.messageAuthorizationDegraded permission.messageAuthorizationRead permission.requested session.auto_mode_resolved
    session.autopilot_objective_changed session.binary_asset session.canvas.recorded session.canvas.removed
    session.compaction_start session.completion_receipt session.context_changed session.fusion_change_checkpoint
    session.fusion_commit_started session.fusion_completed session.fusion_handoff session.fusion_resolved
    session.fusion_route_failed session.handoff session.mode_notice_delivered session.model_deselected
    session.permission_recovery session.plan_changed session.remote_steerable_changed
    session.request_body_compression_disabled session.schedule_cancelled session.schedule_created session.schedule_rearmed
    session.session_limits_changed session.shutdown session.task_complete session.usage_checkpoint
    session.workspace_file_changed skill.context_delivered skill.context_delivered_ref skill.invoked skill.invoked_ref
    subagent.configured subagent.deselected subagent.selected system.message system.notification tool_search.activated
    """.split()  # noqa: SIM905  a list of words reads better as one
)
CHANGES = {  # what a change is of, and the key of its new value
    "session.model_change": ("model", "newModel"),
    "session.mode_changed": ("mode", "newMode"),
    "session.permissions_changed": ("mode", "mode"),
    "session.title_changed": ("title", "title"),
}
REMARKS = {"session.error": True, "session.warning": False, "session.info": False}  # and whether they are bad
MOST_CALLS = 4096
_CONVERSATION = re.compile(r"[A-Za-z0-9_-]{1,128}")


class _Line(msgspec.Struct):
    type: object = None
    timestamp: object = None
    data: object = None
    agent: object = msgspec.field(name="agentId", default=None)


_decoder = msgspec.json.Decoder(_Line)


def reader(path: str) -> "CopilotReader":
    """A reader for the events of one session."""
    return CopilotReader()


class CopilotReader:
    """Remembers which calls were told."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, None] = OrderedDict()

    def read(self, line: bytes) -> list[Heard]:
        """What a line tells."""
        try:
            read = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Heard(unknown("not a JSON object", line))] if line.strip() else []
        if isinstance(read.type, str) and read.type in QUIET:
            return []
        at, subagent = read.timestamp, read.agent[:64] if isinstance(read.agent, str) else ""
        return [Heard(one, at, subagent) for one in self._told(read, line)]

    def _told(self, read: _Line, line: bytes) -> list[Told]:
        data, kind = read.data, read.type
        found: list[Told] | None = None
        if isinstance(data, dict) and isinstance(kind, str):
            found = _session(kind, data) if kind.startswith("session.") else self._turn(kind, data)
        return found if found is not None else [unknown(kind if isinstance(kind, str) else "without a type", line)]

    def _turn(self, kind: str, data: dict[str, object]) -> list[Told] | None:
        """What is said and done; None = not known."""
        call = name(data, "toolCallId")
        match kind:
            case "user.message":
                said = joined(data.get("content"))
                return [Prompt(said, name(data, "source") or "user")] if said else []
            case "assistant.message":
                return self._message(data)
            case "assistant.reasoning":
                return [Thought(text(data, "content")[:MOST_TEXT])]
            case "tool.execution_start" | "tool.user_requested" | "external_tool.requested" if call:
                return self._use(call, name(data, "toolName"), data.get("arguments"))
            case "tool.execution_complete" if call:
                return [_result(call, data)]
            case "subagent.started" if call:
                return [SubagentStarted(call[:64], call, name(data, "agentDisplayName") or name(data, "agentName"))]
            case "subagent.completed" | "subagent.failed" if call:
                return [SubagentEnded(call[:64], call)]
            case "abort":
                return [Noted(f"the turn was cut off: {name(data, 'reason') or 'no reason given'}", bad=True)]
        return None

    def _message(self, data: dict[str, object]) -> list[Told] | None:
        told: list[Told] = []
        if thought := text(data, "reasoningText")[:MOST_TEXT]:
            told.append(Thought(thought))
        if said := joined(data.get("content")):
            told.append(Said(said))
        asked = data.get("toolRequests", [])
        if not isinstance(asked, list) or any(not name(one, "toolCallId") for one in asked):
            return None
        for one in items(data, "toolRequests"):
            told += self._use(
                name(one, "toolCallId"), name(one, "name"), one.get("arguments") if isinstance(one, dict) else None
            )
        return told

    def _use(self, call: str, tool: str, given: object) -> list[Told]:
        if call in self._calls:
            return []
        self._calls[call] = None
        while len(self._calls) > MOST_CALLS:
            self._calls.popitem(last=False)
        return [ToolUse(call, tool_name(tool), _given(given))]


def _given(given: object) -> str:
    """What a call is made with, as the hook tells it."""
    try:
        return dumped(arguments(given))
    except BadJson:
        return dumped(given) if given is not None else ""


def _session(kind: str, data: dict[str, object]) -> list[Told] | None:
    """What concerns the session as a whole; None = not known."""
    if kind in CHANGES:
        what, key = CHANGES[kind]
        return [Changed(what, name(data, key))] if name(data, key) else []
    if kind in REMARKS:
        return [Noted(text(data, "message", "no text")[:MOST_TEXT], REMARKS[kind])]
    match kind:
        case "session.start" | "session.resume":
            cwd = text(member(data, "context"), "cwd")[:MOST_PATH]
            told: list[Told] = [Began(name(data, "sessionId"), cwd, name(data, "copilotVersion"))]
            return [*told, Changed("model", name(data, "selectedModel"))] if name(data, "selectedModel") else told
        case "session.usage_record":
            return _spent(member(data, "usage"))
        case "session.compaction_complete":
            return [Compacted(text(data, "summaryContent")[:MOST_TEXT])]
        case "session.truncation" | "session.context_cleared" | "session.snapshot_rewind":
            return [Compacted(kind.removeprefix("session.").replace("_", " "))]
    return None


def _result(call: str, data: dict[str, object]) -> ToolResult:
    """`success` is the tool's own: a command that ran and ended badly has one, and its exit code. What did not run says
    `denied`, or that there is no such tool.
    """
    error, code = member(data, "error"), member(data, "shellExecution").get("exitCode")
    said = text(error, "message") or joined(member(data, "result").get("content"))
    refused = bool(error) and (name(error, "code") == "denied" or said.endswith(" does not exist."))
    return ToolResult(call, data.get("success") is not True or code not in (0, None), said[:MOST_TEXT], refused)


def _spent(used: dict[str, object]) -> list[Told]:
    """One request to the model; `inputTokens` counts what came from the cache too. Its `cost` is in requests, not dollars."""
    key = name(member(used, "accounting"), "usageId") or name(used, "apiCallId")
    if not used or not key:
        return []
    cached, kept = number(used, "cacheReadTokens"), number(used, "cacheWriteTokens")
    fresh = max(0, number(used, "inputTokens") - cached - kept)
    return [Spent(key, Tokens(fresh, cached, kept, number(used, "outputTokens")), name(used, "model"))]


def logs(where: Where) -> tuple[str, ...]:
    """The events of all sessions; which of them is its own is told by their first line."""
    return (f"{glob.escape(_folder(where))}/session-state/*/events.jsonl",)


def named(where: Where, conversation: str) -> str:
    """Its hooks tell the conversation, and that is the name of the folder."""
    return f"{_folder(where)}/session-state/{conversation}/events.jsonl" if _CONVERSATION.fullmatch(conversation) else ""


def _folder(where: Where) -> str:
    return where.env.get("COPILOT_HOME") or f"{where.home}/.copilot"


def fits(head: bytes, where: Where) -> bool:
    """Whether the first line names this working folder."""
    try:
        first = _decoder.decode(head.split(b"\n", 1)[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return first.type == "session.start" and text(member(first.data, "context"), "cwd") == where.cwd


def side_logs(path: str) -> str:
    """Subagents write to the same log."""
    return ""


def memory(path: str, workspace: str, home: str) -> tuple[str, ...]:
    """Its instructions in the workspace, and AGENTS.md."""
    here = glob.escape(workspace)
    return (f"{here}/.github/copilot-instructions.md", f"{here}/AGENTS.md")
