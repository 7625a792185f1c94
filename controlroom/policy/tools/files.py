"""File tools: by path and by what they change, with the diff from the real old content."""

import re
from collections.abc import Mapping

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
        self._touch(EffectKind.WRITE, path, "file.write", "The agent's tool")
        if text is None:
            self._ledger.reason(Tier.T3, "file.unread", "The new content is not where it is expected; it cannot be shown.")
        else:
            self._show(path, text)

    def edit(self, path: str, given: Mapping[str, object]) -> None:
        """Judge an edit: old text out, new text in; keeps the rest, so inside the workspace it is T1."""
        if given.get("command") == "view":
            self.read(path)
            return
        if given.get("command") == "create":
            self.write(path, given)
            return
        self._touch(EffectKind.WRITE, path, "file.edit", "The agent's tool", append=True)
        real, _ = self._files.place(path, self._cwd)
        raw = self._tree.read(real, MAX_DIFF) if real else None
        new = None if raw is None and not _is_new(given) else _apply((raw or b"").decode("utf-8", "backslashreplace"), given)
        if new is None:
            self._ledger.reason(Tier.T1, "file.no-diff", "The edit does not fit the file as it is; no diff can be shown.")
        else:
            self._show(path, new)

    def patch(self, text: str) -> None:
        """Judge a patch, by every file it names."""
        found = False
        for verb, name, moved in _PATCH_FILE.findall(text):
            found = True
            path = (name or moved).strip()
            if verb == "Delete":
                self.delete(path)
            else:
                self._touch(EffectKind.WRITE, path, "file.patch", "The patch", append=verb == "Update")
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

    def _touch(self, kind: EffectKind, path: str, rule: str, why: str, *, append: bool = False, follow: bool = True) -> None:
        self._files.touch(Act(kind, path, self._cwd, rule, why, append=append, follow=follow))

    def _show(self, path: str, new: str) -> None:
        real, _ = self._files.place(path, self._cwd)
        if real:
            show(self._ledger, self._tree, real, new)


def _first(given: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := given.get(name), str)), None)


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
