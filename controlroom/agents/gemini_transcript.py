"""Gemini CLI's chats: a header, messages that are written again as they grow, and `$set` (agents.md 3.4).

Versions before wrote one JSON document anew each time; it reads as one line with all messages in it, so both go the same way.
"""

import glob
import hashlib
from collections import OrderedDict

import msgspec

from controlroom.agents.transcript import (
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
from controlroom.model.told import Began, Changed, Noted, Prompt, Said, Spent, Thought, Tokens, Told, ToolResult, ToolUse

MOST_SEEN = 4096  # messages that may still grow
QUIET_SETS = frozenset(
    ("lastUpdated", "summary", "directories", "memoryScratchpad", "startTime", "kind", "projectHash", "sessionId")
)
OVER = frozenset(("success", "error", "cancelled"))
NOTES = frozenset(("info", "error", "warning"))


class _Line(msgspec.Struct):
    id: object = None
    type: object = None
    timestamp: object = None
    content: object = None
    thoughts: object = None
    calls: object = msgspec.field(default=None, name="toolCalls")
    tokens: object = None
    model: object = None
    session: object = msgspec.field(default=None, name="sessionId")
    sets: object = msgspec.field(default=None, name="$set")
    rewind: object = msgspec.field(default=None, name="$rewindTo")
    messages: object = None


_decoder = msgspec.json.Decoder(_Line)


def reader(path: str) -> "GeminiReader":
    """A reader for one chat."""
    return GeminiReader()


class _Seen:
    """How much of a message has been told."""

    def __init__(self) -> None:
        self.said = False
        self.thoughts = 0
        self.asked: set[str] = set()
        self.over: set[str] = set()


class GeminiReader:
    """Tells of a message that is written again only what is new in it."""

    def __init__(self) -> None:
        self._began = False
        self._model = ""
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def read(self, line: bytes) -> list[Heard]:
        """What a line, or a whole document, tells."""
        try:
            read = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Heard(unknown("not a JSON object", line))] if line.strip() else []
        if isinstance(read.sets, dict):
            return self._set(read.sets)
        if read.rewind is not None:
            return [Heard(Noted("the conversation was taken back to an earlier message"))]
        if isinstance(read.id, str) and isinstance(read.type, str):
            message = {key: getattr(read, key) for key in ("content", "thoughts", "tokens", "model")}
            return self._message({**message, "toolCalls": read.calls}, read.id, read.type, read.timestamp)
        if isinstance(read.session, str):
            return [*self._begin(read.session), *self._all(read.messages)]
        return [Heard(unknown(read.type if isinstance(read.type, str) else "without a type", line))]

    def _begin(self, session: str) -> list[Heard]:
        before, self._began = self._began, True
        return [] if before else [Heard(Began(session[:256]))]

    def _set(self, sets: dict[str, object]) -> list[Heard]:
        new = [key for key in sets if key not in QUIET_SETS and key != "messages"]
        told = [Heard(unknown(f"$set/{key}", dumped(sets[key]))) for key in new[:16]]
        return [*self._all(sets.get("messages")), *told]

    def _all(self, messages: object) -> list[Heard]:
        heard: list[Heard] = []
        for message in messages if isinstance(messages, list) else []:
            which, kind = name(message, "id"), name(message, "type")
            if isinstance(message, dict) and which and kind:
                heard += self._message(message, which, kind, message.get("timestamp"))
            else:
                heard.append(Heard(unknown("messages/without a type", dumped(message))))
        return heard

    def _message(self, message: dict[str, object], which: str, kind: str, at: object) -> list[Heard]:
        seen = self._seen.setdefault(which, _Seen())
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        content = message.get("content")
        if kind == "user":
            told = [] if seen.said else _prompts(content)
        elif kind == "gemini":
            return self._answer(message, which, seen, at)
        elif kind in NOTES:
            told = [] if seen.said else [Noted(joined(content), bad=kind == "error")]
        else:
            told = [] if seen.said else [unknown(kind, dumped(message))]
        seen.said = True
        return [Heard(one, at) for one in told]

    def _answer(self, message: dict[str, object], which: str, seen: _Seen, at: object) -> list[Heard]:
        told: list[Told] = []
        if (model := name(message, "model")) not in ("", self._model):
            self._model = model
            told.append(Changed("model", model))
        thoughts = items(message, "thoughts")
        told += [Thought(_thought(each)) for each in thoughts[seen.thoughts :] if _thought(each)]
        seen.thoughts = max(seen.thoughts, len(thoughts))
        said = joined(message.get("content"))
        if said and not seen.said:
            seen.said = True
            told.append(Said(said))
        if tokens := member(message, "tokens"):
            told.append(Spent(which, _tokens(tokens), model))
        heard = [Heard(one, at) for one in told]
        for call in items(message, "toolCalls"):
            heard += [Heard(one, call.get("timestamp") if isinstance(call, dict) else at) for one in _call(call, seen)]
        return heard


def _prompts(content: object) -> list[Told]:
    """A prompt; the results of calls, which also stand in the user's place, are told by the calls themselves."""
    said = joined(content)
    return [Prompt(said, "the agent's program" if said.startswith("<session_context>") else "user")] if said else []


def _thought(thought: object) -> str:
    return ": ".join(part for part in (text(thought, "subject"), text(thought, "description")) if part)[:MOST_TEXT]


def _call(call: object, seen: _Seen) -> list[Told]:
    which, status = name(call, "id"), name(call, "status")
    if not which or not isinstance(call, dict):
        return [unknown("toolCalls/without an id", dumped(call))]
    told: list[Told] = []
    if which not in seen.asked:
        seen.asked.add(which)
        told.append(ToolUse(which, name(call, "name"), dumped(call.get("args")) if call.get("args") is not None else ""))
    if status in OVER and which not in seen.over:
        seen.over.add(which)
        shown = call.get("resultDisplay")
        said = joined(shown) or text(shown, "fileDiff")[:MOST_TEXT]
        told.append(ToolResult(which, status != "success", said, status == "cancelled" or _turned_away(call)))
    return told


def _turned_away(call: dict[str, object]) -> bool:
    """Whether it never ran: a tool that is not there, an input that does not fit, a hook's or a rule's denial. Of these the
    agent shows its user the very words that the model gets; a tool that failed has words of its own.
    """
    shown = call.get("resultDisplay")
    errors = (text(member(member(part, "functionResponse"), "response"), "error") for part in items(call, "result"))
    return call.get("status") == "error" and isinstance(shown, str) and shown != "" and shown == next(errors, "")


def _tokens(used: dict[str, object]) -> Tokens:
    """`input` counts what came from the cache too."""
    cached = number(used, "cached")
    fresh = max(0, number(used, "input") - cached) + number(used, "tool")
    return Tokens(fresh, cached, 0, number(used, "output") + number(used, "thoughts"))


def logs(where: Where) -> tuple[str, ...]:
    """All chats; which of them is its own is told by their first line."""
    folder = where.env.get("GEMINI_CLI_HOME") or where.home
    return (f"{glob.escape(folder)}/.gemini/tmp/*/chats/session-*.json*",)


def named(where: Where, conversation: str) -> str:
    """Its hooks would name the log."""
    return ""


def fits(head: bytes, where: Where) -> bool:
    """Whether it names the hash of this working folder near its begin."""
    return hashlib.sha256(where.cwd.encode("utf-8", "surrogateescape")).hexdigest().encode() in head


def side_logs(path: str) -> str:
    """Subagents write chats of their own, which are not read: their calls come to the gate all the same."""
    return ""


def memory(path: str, workspace: str, home: str) -> tuple[str, ...]:
    """GEMINI.md, in the workspace and at home."""
    here, own = glob.escape(workspace), glob.escape(home)
    return (f"{here}/GEMINI.md", f"{own}/.gemini/GEMINI.md")
