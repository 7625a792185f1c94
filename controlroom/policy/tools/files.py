"""File tools: by path and by what they change, with the diff from the real old content."""

import re
from collections.abc import Mapping
from itertools import zip_longest

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.files import Act, Files
from controlroom.policy.ledger import Ledger
from controlroom.policy.limits import MAX_DIFF
from controlroom.policy.tools.change import show
from controlroom.policy.tree import Tree

_PATCH_FILE = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$|^\*\*\* Move to: (.+)$", re.M)
_DIFF_FILE = re.compile(r"^(?:\+\+\+|---) (?:[ab]/)?([^\t\n]+)", re.M)
_NEW_TEXT = ("content", "contents", "text", "file_text", "new_content", "code_edit")
_OLD = ("old_string", "oldString", "old_str", "old_text")
_NEW = ("new_string", "newString", "new_str", "new_text")


class FileTools:
    """Judges one call of a file tool."""

    def __init__(self, files: Files, tree: Tree, ledger: Ledger, cwd: str) -> None:
        self._files = files
        self._tree = tree
        self._ledger = ledger
        self._cwd = cwd

    def read(self, path: str) -> None:
        """Judge a read, a listing or a search."""
        self._touch(EffectKind.READ, path, "file.read", "Reads")

    def delete(self, path: str) -> None:
        """Judge a removal."""
        self._touch(EffectKind.DELETE, path, "file.delete", "The agent's tool", follow=False)

    def write(self, path: str, given: Mapping[str, object]) -> None:
        """Judge a whole new content."""
        text = _first(given, _NEW_TEXT)
        old = self._text(path)
        keeps = text is not None and old is not None and _keeps_lines(old, text)
        self._touch(EffectKind.WRITE, path, "file.write", "The agent's tool", append=keeps)
        if text is None:
            self._ledger.reason(Tier.T3, "file.unread", "The new content is not where it is expected; it cannot be shown.")
        else:
            self._show(path, text)

    def edit(self, path: str, given: Mapping[str, object]) -> None:
        """Judge an edit: old text out, new text in. One that keeps the better part of the file is T1 inside the workspace."""
        if given.get("command") == "view":
            self.read(path)
            return
        if given.get("command") == "create":
            self.write(path, given)
            return
        old = self._text(path)
        new = None if old is None and not _is_new(given) else _apply(old or "", given)
        keeps = new is None or 2 * len(new) >= len(old or "")
        self._touch(EffectKind.WRITE, path, "file.edit", "The agent's tool", append=keeps)
        if new is None:
            self._ledger.reason(Tier.T1, "file.no-diff", "The edit does not fit the file as it is; no diff can be shown.")
        else:
            self._show(path, new)

    def patch(self, text: str) -> None:
        """Judge a patch, by every file it names."""
        found = False
        heads = list(_PATCH_FILE.finditer(text))
        for head, following in zip_longest(heads, heads[1:]):
            found = True
            verb, path = head[1], (head[2] or head[3]).strip()
            if verb == "Delete":
                self.delete(path)
            else:
                part = text[head.end() : following.start() if following else len(text)]
                keeps = verb == "Update" and self._keeps(path, part)
                self._touch(EffectKind.WRITE, path, "file.patch", "The patch", append=keeps)
        for name in {} if found else dict.fromkeys(_DIFF_FILE.findall(text)):
            if name.strip() != "/dev/null":
                found = True
                self._touch(EffectKind.WRITE, name.strip(), "file.patch", "The patch", append=True)
        if "+++ /dev/null" in text:
            self._ledger.reason(Tier.T2, "file.patch", "The patch deletes a file.")
        if found:
            self._ledger.diff += text[:MAX_DIFF]
        else:
            self._ledger.reason(Tier.T3, "file.patch", "The patch names no file that is understood here.")

    def _keeps(self, path: str, part: str) -> bool:
        """Whether a part of a patch leaves the better part of the file."""
        lines = part.split("\n")
        lost, new = (sum(len(line) for line in lines if line.startswith(sign)) for sign in "-+")
        old = len(self._text(path) or "")
        return 2 * (old - lost + new) >= old

    def _text(self, path: str) -> str | None:
        """What is in the file now, None when it is not there or too large to be compared."""
        real, _ = self._files.place(path, self._cwd)
        raw = self._tree.read(real, MAX_DIFF + 1) if real else None
        return None if raw is None or len(raw) > MAX_DIFF else raw.decode("utf-8", "backslashreplace")

    def _touch(self, kind: EffectKind, path: str, rule: str, why: str, *, append: bool = False, follow: bool = True) -> None:
        self._files.touch(Act(kind, path, self._cwd, rule, why, append=append, follow=follow))

    def _show(self, path: str, new: str) -> None:
        real, _ = self._files.place(path, self._cwd)
        if real:
            show(self._ledger, self._tree, real, new)


def _first(given: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := given.get(name), str)), None)


def _keeps_lines(old: str, new: str) -> bool:
    """Whether every line of `old` is still there, in order: the new content only adds."""
    lines = iter(new.split("\n"))
    return all(line in lines for line in old.split("\n"))


def _is_new(given: Mapping[str, object]) -> bool:
    return _first(given, _OLD) == ""


def _apply(old: str, given: Mapping[str, object]) -> str | None:
    """The text after an edit, None when it does not fit."""
    edits = given.get("edits")
    steps = [step for step in edits if isinstance(step, dict)] if isinstance(edits, list) else [given]
    text = old
    for step in steps:
        before, after = _first(step, _OLD), _first(step, _NEW)
        if before is None or after is None or (before not in text):
            return None
        everywhere = step.get("replace_all") or step.get("replaceAll")
        text = text.replace(before, after) if everywhere else text.replace(before, after, 1)
    return text
