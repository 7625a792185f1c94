"""Claude Code's transcripts: one JSON object a line, `assistant` and `user` messages among many others (agents.md 1.6)."""

import glob
import os.path

import msgspec

from controlroom.agents.transcript import Spent, Told, ToolResult, ToolUse


class _Tokens(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


class _Block(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    tool_use_id: str = ""
    is_error: bool | None = None


class _Message(msgspec.Struct):
    id: str = ""
    content: list[_Block] | str = ""
    usage: _Tokens | None = None


class _Line(msgspec.Struct):
    type: str = ""
    message: _Message | None = None


_decoder = msgspec.json.Decoder(_Line)


def decode(line: bytes) -> list[Told]:
    """What a line tells of calls and tokens. A line of another type or shape tells nothing."""
    try:
        read = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    message = read.message
    if message is None or read.type not in ("assistant", "user"):
        return []
    blocks = message.content if isinstance(message.content, list) else []
    told: list[Told] = []
    if read.type == "user":
        return [ToolResult(b.tool_use_id, b.is_error is True) for b in blocks if b.type == "tool_result" and b.tool_use_id]
    told += [ToolUse(b.id, b.name) for b in blocks if b.type == "tool_use" and b.id]
    if message.usage is not None and message.id:
        told.append(Spent(message.id, sum(msgspec.structs.astuple(message.usage))))
    return told


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
