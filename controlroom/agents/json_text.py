"""Small edits of somebody else's JSON file that leave every other byte as it is, its comments too."""

import json
import re
from typing import NamedTuple

BLANK = " \t\r\n"
_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)


class Unfit(ValueError):
    """The document has something else where the edit needs an object or an array. `where` is the key."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")


class _Node(NamedTuple):
    """A value: where its text begins and ends, and its members when it is an object (`kind` "{") or an array ("[")."""

    start: int
    end: int
    kind: str = ""
    members: tuple["_Member", ...] = ()

    def find(self, key: str) -> "_Node | None":
        """The value at `key`."""
        return next((member.value for member in self.members if member.key == key), None)


class _Member(NamedTuple):
    """A member of an object or array: `start` is where its key (or, in an array, its value) begins."""

    key: str
    start: int
    value: _Node


def append(text: str, path: tuple[str, ...], item: object) -> str:
    """Append `item` to the array at `path` (keys from the top), making what is missing on the way.

    `text` must be valid JSON but for comments, with an object at its top. Raises Unfit where a key on the path holds something
    else.
    """
    plain = without_comments(text)
    node = _scan(plain, 0)
    for depth, key in enumerate(path):
        if node.kind != "{":
            raise Unfit(".".join(path[:depth]) or "the top", "must be an object")
        below = node.find(key)
        if below is None:
            value: object = [item]
            for missing in reversed(path[depth + 1 :]):
                value = {missing: value}
            return _insert(text, plain, node, json.dumps(key, ensure_ascii=False) + ": ", value)
        node = below
    if node.kind != "[":
        raise Unfit(".".join(path), "must be an array")
    return _insert(text, plain, node, "", item)


def remove(text: str, path: tuple[str, ...], index: int) -> str:
    """Take the item at `index` out of the array or object at `path`; what becomes empty by it goes too, up to the top.

    `text` must be valid JSON but for comments, and the item must be there. In an object the index counts its keys.
    """
    plain = without_comments(text)
    chain = [_scan(plain, 0)]
    places: list[int] = []
    for key in path:
        node = chain[-1]
        place = next(number for number, member in enumerate(node.members) if member.key == key)
        places.append(place)
        chain.append(node.members[place].value)
    places.append(index)
    while len(chain) > 1 and len(chain[-1].members) == 1 and not _around(text, chain[-1]).strip(BLANK):
        chain.pop()
        places.pop()
    return _cut(text, plain, chain[-1], places[-1])


def without_comments(text: str) -> str:
    """The same with spaces in place of comments, so that every other character stands where it stood."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\r\n]", " ", found[1]) if found[1] else found[0], text)


def _scan(text: str, at: int) -> _Node:
    start = _skip(text, at)
    kind = text[start]
    if kind not in "{[":
        return _Node(start, json.JSONDecoder().raw_decode(text, start)[1])
    close = "}" if kind == "{" else "]"
    members: list[_Member] = []
    at = _skip(text, start + 1)
    while text[at] != close:
        begin, key = at, ""
        if kind == "{":
            key, at = json.JSONDecoder().raw_decode(text, at)
            at = _skip(text, at) + 1
        value = _scan(text, at)
        members.append(_Member(key, begin, value))
        at = _skip(text, value.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return _Node(start, at + 1, kind, tuple(members))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at


def _insert(text: str, plain: str, node: _Node, key: str, value: object) -> str:
    """`plain`: the text without its comments, which holds `node`."""
    unit, newline = _unit(plain), "\r\n" if "\r\n" in text else "\n"
    if node.members:
        at, begin = node.members[-1].value.end, node.members[0].start
        gap = text[node.start + 1 : begin]
        if gap.strip(BLANK):  # a comment stands before the first member
            line = gap.rpartition("\n")[2]
            gap = newline + line[: len(line) - len(line.lstrip(" \t"))] if "\n" in gap else ""
        shown = _render(value, unit if "\n" in gap else "", gap.rpartition("\n")[2], newline)
        return text[:at] + "," + (gap or " ") + key + shown + text[at:]
    line = text[text.rfind("\n", 0, node.start) + 1 : node.start]
    base = line[: len(line) - len(line.lstrip(" \t"))]
    remarks = text[node.start + 1 : node.end - 1].rstrip(BLANK)
    unit = unit or ("  " if remarks else "")
    shown = _render(value, unit, base + unit, newline)
    inner = f"{remarks}{newline}{base}{unit}{key}{shown}{newline}{base}" if unit else key + shown
    return text[: node.start + 1] + inner + text[node.end - 1 :]


def _unit(text: str) -> str:
    """One step of indentation as this document has it, "" for one that is written on one line."""
    top = _scan(text, 0)
    if not top.members:
        return "  "
    _, newline, indent = text[top.start + 1 : top.members[0].start].rpartition("\n")
    return indent or "  " if newline else ""


def _render(value: object, unit: str, base: str, newline: str) -> str:
    return json.dumps(value, indent=unit or None, ensure_ascii=False).replace("\n", newline + base)


def _around(text: str, node: _Node) -> str:
    """What stands before and after the one member of a node."""
    (member,) = node.members
    return text[node.start + 1 : member.start] + text[member.value.end : node.end - 1]


def _cut(text: str, plain: str, node: _Node, index: int) -> str:
    """Without a member and its comma; comments beside it stay."""
    member = node.members[index]
    if len(node.members) == 1:
        start, end = node.start + 1, node.end - 1
        if _around(text, node).strip(BLANK):
            return _joined(text[: member.start], text[member.value.end :])
    elif index == 0:
        start, end = member.start, node.members[1].start
        if text[member.value.end : end].replace(",", "", 1).strip(BLANK):
            end = plain.index(",", member.value.end)
            return text[:start] + text[member.value.end : end] + text[end + 1 :]
    else:
        start, end = node.members[index - 1].value.end, member.value.end
        between = text[start : member.start]
        if between.replace(",", "", 1).strip(BLANK):
            comma = plain.index(",", start)
            return _joined(text[:comma] + text[comma + 1 : member.start], text[end:])
    return text[:start] + text[end:]


def _joined(head: str, tail: str) -> str:
    """Without the line that is empty between them; but a comment that ends with its line keeps its end."""
    return (head.rstrip(BLANK) if tail.lstrip(" \t").startswith(("\r", "\n")) else head) + tail
