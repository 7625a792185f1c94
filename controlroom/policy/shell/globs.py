"""File-name patterns expanded against the tree, as the shell would: no hidden names, no links chosen by hand."""

import re
from functools import lru_cache

from controlroom.policy.limits import MAX_FIELDS
from controlroom.policy.paths import absolute
from controlroom.policy.tree import Tree


@lru_cache(maxsize=512)
def _compile(text: str, mask: str) -> re.Pattern[str]:
    out: list[str] = []
    index = 0
    while index < len(text):
        char, active = text[index], mask[index] != "q"
        if active and char == "*":
            out.append(".*")
        elif active and char == "?":
            out.append(".")
        elif active and char == "[" and (end := text.find("]", index + 2)) > 0:
            body = text[index + 1 : end]
            negated = body[:1] in "!^"
            inner = re.sub(r"([\\\]\[&|~])", r"\\\1", body[1:] if negated else body)
            out.append("." if "[:" in body or "[." in body or "[=" in body else f"[{'^' if negated else ''}{inner}]")
            index = end
        else:
            out.append(re.escape(char))
        index += 1
    try:
        return re.compile("".join(out), re.S)
    except re.error:
        return re.compile(".*", re.S)


def expand(text: str, mask: str, cwd: str | None, tree: Tree) -> list[str] | None:
    """The names a pattern means, sorted, [] for none, None when they cannot be told (unknown folder, `**`, too many)."""
    if (cwd is None and not text.startswith("/")) or "**" in text or re.search(r"[@!?+*]\(", text):
        return None
    found = ["/"] if text.startswith("/") else [""]
    position = 0
    for part in text.split("/"):
        part_mask = mask[position : position + len(part)]
        position += len(part) + 1
        if not part:
            continue
        wild = any(c in "*?[" and m != "q" for c, m in zip(part, part_mask, strict=True))
        grown: list[str] = []
        for prefix in found:
            if not wild:
                grown.append(_join(prefix, part))
                continue
            names = tree.listdir(absolute(prefix or ".", cwd or "/"))
            pattern = _compile(part, part_mask)
            grown += [_join(prefix, n) for n in names or () if pattern.fullmatch(n) and (n[0] != "." or part[0] == ".")]
            if len(grown) > MAX_FIELDS:
                return None
        found = grown
    present = [name for name in found if tree.lstat(absolute(name, cwd or "/")) is not None]
    return sorted(name + "/" if text.endswith("/") else name for name in present)


def _join(prefix: str, part: str) -> str:
    return prefix + part if prefix in ("", "/") else f"{prefix}/{part}"
