"""Codex's rollouts: `{"timestamp", "type", "payload"}` a line (agents.md 2.5).

A rollout tells much twice, as `response_item` (what the model and the tools said) and as `event_msg` (what the screen showed).
The items are read; of the events only what the items do not have. Newer models write scripts (`exec`) that call the tools: of
such a call only the event tells, once it is over.
"""

import glob
import json
import re
from collections import OrderedDict

import msgspec

from controlroom.agents.codex import NO_INPUT, PATCH, SHELL, SPACES
from controlroom.agents.transcript import (
    MOST_PATH,
    MOST_TEXT,
    Heard,
    Where,
    dumped,
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
    SubagentStarted,
    Thought,
    Tokens,
    Told,
    ToolResult,
    ToolUse,
)

QUIET = frozenset(("world_state", "token_usage_record"))
QUIET_EVENTS = frozenset(
    """
    task_started task_complete turn_started turn_complete item_started user_message agent_message agent_reasoning
    agent_reasoning_raw_content agent_reasoning_section_break thread_settings_applied exec_command_begin exec_command_end
    exec_command_output_delta patch_apply_begin patch_apply_end mcp_tool_call_begin mcp_tool_call_end web_search_begin
    web_search_end context_compacted turn_diff plan_update thread_name_updated session_configured view_image_tool_call
    hook_started hook_completed
    """.split()  # noqa: SIM905  a list of words reads better as one
)
QUIET_ITEMS = frozenset(("UserMessage", "AgentMessage", "Reasoning", "WebSearch", "ContextCompaction"))
SCRIPT = frozenset(("exec", "wait"))  # in the space `functions`: no hook is asked, what they call is
MOST_DONE = 4096
_EXIT = re.compile(r"^Process exited with code (-?\d+)$", re.MULTILINE)
_REFUSALS = (
    "unsupported call:", "exec command rejected", "patch rejected", "rejected by user", "command rejected",
    "Command blocked by PreToolUse hook", "Tool call blocked by PreToolUse hook",
)  # fmt: skip


class _Line(msgspec.Struct):
    type: object = None
    timestamp: object = None
    payload: object = None


_decoder = msgspec.json.Decoder(_Line)


def reader(path: str) -> "CodexReader":
    """A reader for one rollout."""
    return CodexReader()


class CodexReader:
    """Remembers what has changed last, which calls were told, and which are over: their end is told twice."""

    def __init__(self) -> None:
        self._session = self._subagent = ""
        self._now: dict[str, str] = {}
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()

    def read(self, line: bytes) -> list[Heard]:
        """What a line tells."""
        try:
            read = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Heard(unknown("not a JSON object", line))] if line.strip() else []
        if isinstance(read.type, str) and read.type in QUIET:
            return []
        told = self._told(read, line)
        at = read.timestamp
        return [Heard(one, at, self._subagent) for one in told]

    def _told(self, read: _Line, line: bytes) -> list[Told]:
        payload = read.payload
        if isinstance(payload, dict):
            match read.type:
                case "session_meta":
                    return self._meta(payload)
                case "turn_context":
                    return self._context(payload)
                case "response_item":
                    return self._item(payload)
                case "event_msg":
                    return self._event(payload)
                case "compacted":
                    return [Compacted(joined(payload.get("message")))]
        return [unknown(read.type if isinstance(read.type, str) else "without a type", line)]

    def _meta(self, payload: dict[str, object]) -> list[Told]:
        self._session = name(payload, "id")
        told: list[Told] = []
        if parent := member(member(member(payload, "source"), "subagent"), "thread_spawn"):
            self._subagent = self._session[:64] or "subagent"
            told.append(SubagentStarted(self._subagent, task=name(parent, "agent_nickname") or name(parent, "agent_role")))
        return [*told, Began(self._session, text(payload, "cwd")[:MOST_PATH], name(payload, "cli_version"))]

    def _context(self, payload: dict[str, object]) -> list[Told]:
        sandbox = payload.get("sandbox_policy")
        walls = sandbox if isinstance(sandbox, str) else name(sandbox, "type") or name(sandbox, "mode")
        mode = ", ".join(word for word in (name(payload, "approval_policy"), walls[:64]) if word)
        now = {"model": name(payload, "model"), "mode": mode}
        told: list[Told] = [Changed(what, value) for what, value in now.items() if value and value != self._now.get(what)]
        self._now.update({what: value for what, value in now.items() if value})
        return told

    def _item(self, item: dict[str, object]) -> list[Told]:
        call = name(item, "call_id")
        match item.get("type"):
            case "message":
                return _message(item)
            case "reasoning":
                thought = joined(item.get("summary")) or joined(item.get("content"))
                return [Thought(thought)] if thought else []
            case "function_call" | "custom_tool_call" if call and _is_ungated(item):
                _keep(self._done, call)  # nor is its end told
                script = text(item, "input")[:MOST_TEXT]
                return [Noted(f"a script of its own calls the tools:\n{script}")] if script else []
            case "function_call" if call:
                return self._use(ToolUse(call, _tool(item), _arguments(item.get("arguments"))))
            case "custom_tool_call" if call:
                given = item.get("input")
                return self._use(ToolUse(call, _tool(item), dumped({"input": given} if isinstance(given, str) else given)))
            case "local_shell_call" if call:
                return self._use(ToolUse(call, "local_shell", dumped(item.get("action"))))
            case "function_call_output" | "custom_tool_call_output" if call:
                return self._over(_output(call, item.get("output")))
            case "web_search_call":
                return [Noted("the vendor's own web search ran on its servers")]
            case "ghost_snapshot" | "compaction" | "compaction_summary" | "additional_tools":
                return []
        return [unknown(f"response_item/{name(item, 'type')}", dumped(item))]

    def _event(self, event: dict[str, object]) -> list[Told]:
        match event.get("type"):
            case "token_count":
                used = member(member(event, "info"), "total_token_usage")
                return [Spent(f"thread {self._session}", _tokens(used))] if used else []
            case "item_completed":
                return self._completed(member(event, "item"), event)
            case "turn_aborted":
                return [Noted(f"the turn was cut off: {name(event, 'reason') or 'no reason given'}", bad=True)]
            case "error" | "stream_error" | "warning":
                return [Noted(text(event, "message", "no text")[:MOST_TEXT], bad=event.get("type") != "warning")]
            case str(kind) if kind in QUIET_EVENTS:
                return []
        return [unknown(f"event_msg/{name(event, 'type')}", dumped(event))]

    def _completed(self, item: dict[str, object], event: dict[str, object]) -> list[Told]:
        call = name(item, "id")
        match item.get("type"):
            case "CommandExecution" if call:
                failed = item.get("status") in ("failed", "declined") or item.get("exit_code") not in (0, None)
                said = text(item, "aggregated_output")[:MOST_TEXT]
                result = ToolResult(call, failed, said, item.get("status") == "declined")
                return [*self._by_script(ToolUse(call, SHELL, _command(item))), *self._over(result)]
            case "FileChange" | "McpToolCall" as kind if call and call not in self._begun:
                failed = item.get("status") in ("failed", "declined")
                tool = PATCH if kind == "FileChange" else f"mcp__{name(item, 'server')}__{name(item, 'tool')}"
                given = "" if kind == "FileChange" else dumped(item.get("arguments"))  # the patch itself is not told
                result = ToolResult(call, failed, text(item, "stdout")[:MOST_TEXT], item.get("status") == "declined")
                return [*self._by_script(ToolUse(call, tool, given)), *self._over(result)]
            case "FileChange" | "McpToolCall":
                return []
            case str(kind) if kind in QUIET_ITEMS:
                return []
        return [unknown(f"item_completed/{name(item, 'type')}", dumped(event))]

    def _use(self, use: ToolUse) -> list[Told]:
        _keep(self._begun, use.call)
        return [use]

    def _by_script(self, use: ToolUse) -> list[Told]:
        """A call of which nothing told before it was over: a script made it."""
        return [] if use.call in self._begun else self._use(use)

    def _over(self, result: ToolResult) -> list[Told]:
        if result.call in self._done:
            return []
        _keep(self._done, result.call)
        return [result]


def _keep(calls: OrderedDict[str, None], call: str) -> None:
    calls[call] = None
    while len(calls) > MOST_DONE:
        calls.popitem(last=False)


def _is_ungated(item: dict[str, object]) -> bool:
    """Whether no hook is asked of it: a script, a look at one, a look at what a command goes on saying."""
    if item.get("namespace") == "functions":
        return item.get("name") in SCRIPT
    if item.get("name") != "write_stdin":
        return False
    try:
        given = msgspec.json.decode(text(item, "arguments") or "{}")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return isinstance(given, dict) and not given.get("chars")


def _tool(item: dict[str, object]) -> str:
    """A tool by the name that its hooks and policy know it by."""
    space, tool = name(item, "namespace"), name(item, "name")
    return f"{space}__{tool}" if space.startswith("mcp__") else f"{space}.{tool}" if space in SPACES else tool


def _command(item: dict[str, object]) -> str:
    """What a command was called with: the last word of `SHELL -lc COMMAND`, without the head that our answer gave it."""
    words = item.get("command")
    last = words[-1] if isinstance(words, list) and words else words
    where = text(item, "cwd").removeprefix("file://")
    return dumped({"cmd": last.removeprefix(NO_INPUT) if isinstance(last, str) else last, "workdir": where})


def _message(item: dict[str, object]) -> list[Told]:
    said = joined(item.get("content"))
    if not said:
        return []
    if item.get("role") == "assistant":
        return [Said(said)]
    if item.get("role") == "user":
        # What the program puts in the user's place stands in a tag of its own (environment_context, user_instructions).
        return [Prompt(said, "the agent's program" if said.startswith("<") else "user")]
    return []  # developer, system: the program's own instructions


def _arguments(given: object) -> str:
    """The arguments are JSON text within a string; what is not JSON stays a string."""
    if not isinstance(given, str):
        return dumped(given) if given is not None else ""
    try:
        msgspec.json.decode(given)
    except (msgspec.DecodeError, UnicodeEncodeError, UnicodeDecodeError, RecursionError):
        return json.dumps(given)
    return given


def _output(call: str, output: object) -> ToolResult:
    """How a call ended, as the text for the model says it: that is all that older versions tell."""
    said = joined(output) or text(output, "content")[:MOST_TEXT]
    if said.startswith("{"):
        try:
            told = msgspec.json.decode(said)
        except (msgspec.DecodeError, UnicodeEncodeError, UnicodeDecodeError, RecursionError):
            told = None
        if "output" in (told if isinstance(told, dict) else {}):
            code = member(told, "metadata").get("exit_code")
            return ToolResult(call, code not in (0, None), text(told, "output")[:MOST_TEXT])
    found = _EXIT.search(said)
    refused = said.startswith(_REFUSALS)
    bad = isinstance(output, dict) and output.get("success") is False
    return ToolResult(call, refused or bad or (found is not None and found[1] != "0"), said, refused)


def _tokens(used: dict[str, object]) -> Tokens:
    """`input_tokens` counts what came from the cache too, `output_tokens` the reasoning too."""
    cached, kept = number(used, "cached_input_tokens"), number(used, "cache_write_input_tokens")
    return Tokens(max(0, number(used, "input_tokens") - cached - kept), cached, kept, number(used, "output_tokens"))


def logs(where: Where) -> tuple[str, ...]:
    """All rollouts; which of them is its own is told by their first line."""
    folder = where.env.get("CODEX_HOME") or f"{where.home}/.codex"
    return (f"{glob.escape(folder)}/sessions/*/*/*/rollout-*.jsonl",)


def named(where: Where, conversation: str) -> str:
    """Its hooks would name the log."""
    return ""


def fits(head: bytes, where: Where) -> bool:
    """Whether the first line names this working folder."""
    try:
        first = _decoder.decode(head.split(b"\n", 1)[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return first.type == "session_meta" and text(first.payload, "cwd") == where.cwd


def side_logs(path: str) -> str:
    """Subagents have rollouts of their own among all the others; they are found as further logs of the same folder."""
    return ""


def memory(path: str, workspace: str, home: str) -> tuple[str, ...]:
    """AGENTS.md, in the workspace and at home."""
    here, own = glob.escape(workspace), glob.escape(home)
    return (f"{here}/AGENTS.md", f"{own}/.codex/AGENTS.md")
