"""Claude Code's transcripts: one JSON object a line, `assistant` and `user` messages among many others (agents.md 1.6)."""

import glob
import os.path
import re

import msgspec

from controlroom.agents.transcript import (
    MOST_ID,
    MOST_PATH,
    MOST_TEXT,
    Heard,
    Where,
    amount,
    dumped,
    joined,
    name,
    number,
    text,
    unknown,
)
from controlroom.model.told import (
    Began,
    Changed,
    Compacted,
    Cost,
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

# Known, and nothing in them is about what the agent does.
QUIET = frozenset(
    """
    attachment queue-operation last-prompt tools-used api-request api-request-blob api-request-shape atis-latch
    file-history-snapshot stream_event progress keep_alive mode
    """.split()  # noqa: SIM905  a list of words reads better as one
)
QUIET_SYSTEM = frozenset(("stop_hook_summary", "turn_duration", "hook_started", "hook_response", "status"))
QUIET_BLOCKS = frozenset(("image", "document", "web_search_tool_result", "web_fetch_tool_result", "tool_reference"))
MOST_SIDE = 4096  # subagents of one log
INVALID = "<tool_use_error>"
_TASK = re.compile(r"<task-id>([A-Za-z0-9_-]{1,64})</task-id>")


_Other = list[object] | str | int | float | bool | None  # of any other type: then it is not read, and harms nothing


class _Answer(msgspec.Struct, gc=False):
    subagent: object = msgspec.field(default=None, name="agentId")
    later: object = msgspec.field(default=None, name="isAsync")


class _Message(msgspec.Struct, gc=False):
    id: object = None
    model: object = None
    content: object = None
    usage: object = None


class _Line(msgspec.Struct, gc=False):
    """Only what is named here is read; the rest, which may be most of a line, is skipped."""

    type: object = None
    subtype: object = None
    message: _Message | _Other = None
    timestamp: object = None
    session: object = msgspec.field(default=None, name="sessionId")
    cwd: object = None
    version: object = None
    subagent: object = msgspec.field(default=None, name="agentId")
    side: object = msgspec.field(default=None, name="isSidechain")
    meta: object = msgspec.field(default=None, name="isMeta")
    summarised: object = msgspec.field(default=None, name="isCompactSummary")
    mode: object = msgspec.field(default=None, name="permissionMode")
    origin: object = None
    answer: _Answer | _Other = msgspec.field(default=None, name="toolUseResult")
    decision: object = msgspec.field(default=None, name="permissionDecision")
    denial: object = msgspec.field(default=None, name="toolDenialKind")
    content: object = None
    summary: object = None
    model: object = None
    total_cost: object = msgspec.field(default=None, name="totalCostUSD")
    unpriced: object = msgspec.field(default=None, name="hasUnknownModelCost")
    total_cost_usd: object = None


_decoder = msgspec.json.Decoder(_Line)


def reader(path: str) -> "ClaudeReader":
    """A reader for one transcript, a subagent's too."""
    return ClaudeReader()


class ClaudeReader:
    """Remembers what has been told once: whose log it is, the mode, the subagents that were heard of."""

    def __init__(self) -> None:
        self._began = False
        self._mode = ""
        self._side: set[str] = set()

    def read(self, line: bytes) -> list[Heard]:
        """What a line tells."""
        try:
            read = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Heard(unknown("not a JSON object", line))] if line.strip() else []
        if isinstance(read.type, str) and read.type in QUIET:
            return []
        at, subagent = read.timestamp, read.subagent[:64] if isinstance(read.subagent, str) else ""
        return [Heard(told, at, subagent) for told in (*self._first(read, subagent), *self._told(read, line))]

    def _first(self, read: _Line, subagent: str) -> list[Told]:
        """What the frame of a line tells for the first time."""
        told: list[Told] = []
        if not self._began and not subagent and isinstance(read.session, str) and isinstance(read.cwd, str):
            self._began = True
            whole = {"session": read.session, "cwd": read.cwd, "version": read.version}
            told.append(Began(name(whole, "session"), text(whole, "cwd")[:MOST_PATH], name(whole, "version")))
        if subagent and subagent not in self._side and len(self._side) < MOST_SIDE:
            self._side.add(subagent)
            told.append(SubagentStarted(subagent))
        if isinstance(read.mode, str) and read.mode and read.mode[:MOST_ID] != self._mode:
            self._mode = read.mode[:MOST_ID]
            told.append(Changed("mode", self._mode))
        return told

    def _told(self, read: _Line, line: bytes) -> list[Told]:
        match read.type:
            case "assistant" | "user" if isinstance(_content(read), str | list):
                return _assistant(read) if read.type == "assistant" else _user(read)
            case "system":
                return _system(read, line)
            case "cost-state":
                usd = amount({"usd": read.total_cost}, "usd")
                return [Cost("session", usd)] if usd is not None and read.unpriced is not True else []
            case "result":  # the last line of stream-json
                usd = amount({"usd": read.total_cost_usd}, "usd")
                return [Cost("session", usd)] if usd is not None else []
            case "summary":
                return [Changed("title", joined(read.summary))]
            case "permission-mode":  # told as a mode, as on every other line
                return []
        return [unknown(read.type if isinstance(read.type, str) else "without a type", line)]


def _content(read: _Line) -> object:
    return read.message.content if isinstance(read.message, _Message) else None


def _assistant(read: _Line) -> list[Told]:
    message, content = read.message, _content(read)
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    told = [one for block in blocks if (one := _block(block)) is not None]
    if isinstance(message, _Message) and isinstance(message.usage, dict) and isinstance(message.id, str) and message.id:
        used = message.usage
        tokens = Tokens(
            fresh=number(used, "input_tokens"),
            cached=number(used, "cache_read_input_tokens"),
            kept=number(used, "cache_creation_input_tokens"),
            out=number(used, "output_tokens"),
        )
        model = message.model[:MOST_ID] if isinstance(message.model, str) else ""
        told.append(Spent(message.id[:MOST_ID], tokens, model))
    return told


def _block(block: object) -> Told | None:
    match block.get("type") if isinstance(block, dict) else None:
        case "text":
            return Said(joined([block]))
        case "thinking":
            return Thought(text(block, "thinking")[:MOST_TEXT]) if text(block, "thinking") else None
        case "redacted_thinking":
            return Thought("(hidden by the vendor)")
        case "tool_use" if name(block, "id"):
            given = block["input"] if isinstance(block, dict) and "input" in block else None
            return ToolUse(name(block, "id"), name(block, "name"), dumped(given) if given is not None else "")
        case "server_tool_use":
            return Noted(f"the vendor's own tool {name(block, 'name')} ran on its servers")
        case str(kind) if kind in QUIET_BLOCKS:
            return None
    return unknown(f"assistant/{name(block, 'type')}", dumped(block))


def _user(read: _Line) -> list[Told]:
    content = _content(read)
    if read.summarised is True:
        return [Compacted(joined(content))]
    if isinstance(content, str):
        return _prompt(read, joined(content))
    told: list[Told] = []
    for block in content if isinstance(content, list) else []:
        match name(block, "type"):
            case "tool_result" if name(block, "tool_use_id"):
                told += _result(read, block)
            case "text":
                told += _prompt(read, joined([block]))
            case kind if kind not in QUIET_BLOCKS:
                told.append(unknown(f"user/{kind}", dumped(block)))
    return told


def _prompt(read: _Line, said: str) -> list[Told]:
    origin = name(read.origin, "kind")
    by = origin or ("the agent's program" if read.meta is True else "the agent" if read.side is True else "user")
    ended = _TASK.search(said) if origin == "task-notification" else None
    return [Prompt(said, by), *([SubagentEnded(ended[1])] if ended else [])]


def _result(read: _Line, block: object) -> list[Told]:
    call = name(block, "tool_use_id")
    content = block.get("content") if isinstance(block, dict) else None
    failed = isinstance(block, dict) and block.get("is_error") is True
    said = joined(content)
    # What is not valid is turned away before any hook is asked, and says so in a tag of its own.
    refused = name(read.decision, "decision") == "reject" or isinstance(read.denial, str) or said.startswith(INVALID)
    told: list[Told] = [ToolResult(call, failed or refused, said, refused)]
    answer = read.answer
    if isinstance(answer, _Answer) and isinstance(answer.subagent, str) and answer.subagent and answer.later is not True:
        told.append(SubagentEnded(answer.subagent[:MOST_ID], call))
    return told


def _system(read: _Line, line: bytes) -> list[Told]:
    match read.subtype:
        case "init":  # the first line of stream-json
            return [Changed("model", name({"model": read.model}, "model"))]
        case "compact_boundary":
            return [Compacted()]
        case "api_error":
            return [Noted("an error of the model's server", bad=True)]
        case str(kind) if kind in QUIET_SYSTEM:
            return []
    said = joined(read.content)
    if said:
        return [Noted(said)]
    return [unknown(f"system/{read.subtype}" if isinstance(read.subtype, str) else "system", line)]


def logs(where: Where) -> tuple[str, ...]:
    """The transcripts of its folder, newest or not."""
    folder = where.env.get("CLAUDE_CONFIG_DIR") or f"{where.home}/.claude"
    return (f"{glob.escape(folder)}/projects/{re.sub('[^A-Za-z0-9]', '-', where.cwd)}/*.jsonl",)


def named(where: Where, conversation: str) -> str:
    """Its hooks name the log."""
    return ""


def fits(head: bytes, where: Where) -> bool:
    """The folder of a transcript says whose it is; its lines need not be read."""
    return True


def side_logs(path: str) -> str:
    """`SESSION/subagents/agent-*.jsonl` beside `SESSION.jsonl`."""
    return f"{glob.escape(path.removesuffix('.jsonl'))}/subagents/agent-*.jsonl" if path.endswith(".jsonl") else ""


def memory(path: str, workspace: str, home: str) -> tuple[str, ...]:
    """CLAUDE.md in its places, the project's memory folder beside its transcripts, and the memory of its subagents."""
    here, own, project = glob.escape(workspace), glob.escape(home), glob.escape(os.path.dirname(path))
    return (
        f"{here}/CLAUDE.md",
        f"{here}/CLAUDE.local.md",
        f"{here}/.claude/CLAUDE.md",
        f"{own}/.claude/CLAUDE.md",
        f"{project}/memory/*",
        f"{here}/.claude/agent-memory*/*/*",
        f"{own}/.claude/agent-memory/*/*",
    )
