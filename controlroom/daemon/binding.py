"""What was judged is what runs: which files a request means, noted when it is shown and looked at again at release.

Rows A07 (a script rewritten after it was shown), A08 (a parent swapped), A09 (another program under the same name).
"""

import hashlib
import os
import shutil
import stat

from controlroom.model.action import Action, Binding, FileId
from controlroom.model.effect import Assessment
from controlroom.model.request import Request
from controlroom.model.tier import Tier

MOST_HASHED = 256 * 1024 * 1024  # bytes of one file
MOST_FILES = 256  # of each sort
NOWHERE = FileId("", "", 0, 0)  # the working folder of what is denied anyway


class Unbindable(Exception):
    """A file that the action would run cannot be pinned; the text says which and why."""


def bind(action: Action, assessment: Assessment, path: str) -> Binding:
    """Pin everything an action is judged on. `path` is the asker's PATH. Blocking. Raises Unbindable."""
    if max(len(assessment.targets), len(assessment.operands), len(assessment.executables)) > MOST_FILES:
        raise Unbindable(f"it names more than {MOST_FILES} files one by one; use a folder or a pattern")
    programs = {w: _program(w, action.cwd, path) for w in assessment.executables}
    targets = sorted({t.path for t in assessment.targets if t.path.startswith("/")})
    return Binding(
        cwd=look(action.cwd, False),
        executables=tuple(look(p, True, w) for w, p in sorted(programs.items()) if p),
        operands=tuple(look(p, True) for p in sorted(set(assessment.operands))),
        targets=tuple(look(p, False) for p in targets),
    )


def anchor(path: str) -> tuple[int, int]:
    """Device and inode that a granted path stands on: the folder itself, or for a file (editors replace it) its folder.

    (0, 0) where nothing is.
    """
    try:
        found = os.lstat(path)
    except OSError:
        found = None
    try:
        if found is None or not stat.S_ISDIR(found.st_mode):
            found = os.lstat(os.path.dirname(path))
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _program(word: str, cwd: str, path: str) -> str:
    """Where a command word is found; "" = nowhere (a builtin, or the call will fail by itself)."""
    if "/" in word:
        return os.path.join(cwd, word)
    return shutil.which(word, path=path) or ""


def look(path: str, content: bool, named: str = "") -> FileId:
    """What `path` means now. `content`: hash it too (regular files only). Raises Unbindable."""
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
    except OSError:
        return FileId(named or path, real, 0, 0)
    sha256 = _hash(real, found) if content and stat.S_ISREG(found.st_mode) else ""
    return FileId(named or path, real, found.st_dev, found.st_ino, sha256)


def _hash(real: str, found: os.stat_result) -> str:
    if found.st_size > MOST_HASHED:
        return f"large:{found.st_size}:{found.st_mtime_ns}"
    try:
        fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as e:
        raise Unbindable(f"{real} is to be run but cannot be read to pin it: {e.strerror}") from e
    with os.fdopen(fd, "rb") as file:
        opened = os.fstat(fd)
        if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
            raise Unbindable(f"{real} is being replaced while it is looked at; ask again")
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(request: Request, judged: Assessment, path: str) -> str:
    """What is no longer as it was shown, in words; "" = everything is as it was. Blocking.

    `judged` is a second assessment, made now: a link on the way that leads elsewhere shows there.
    """
    if text := _otherwise(request.assessment, judged):
        return text
    try:
        again = bind(request.action, judged, path)
    except Unbindable as e:
        return str(e)
    before = request.binding
    if again == before:
        return ""
    pairs = (
        ("the working folder", (before.cwd,), (again.cwd,)),
        ("the program", before.executables, again.executables),
        ("the file", before.operands, again.operands),
        ("the target", before.targets, again.targets),
    )
    for what, old, new in pairs:
        for then, now in zip(old, new, strict=False):
            if then != now:
                return f"{what} {then.path} {_difference(then, now)}"
        if len(old) != len(new):
            return f"{what} list is another one"
    return "the request is another one"


def passes(judged: Assessment) -> str:
    """Why policy would not let through any more what nobody was shown; "" = it would. Its files may come and go."""
    return f"it is {judged.tier} now: {judged.reasons[0].text}" if judged.tier > Tier.T1 else ""


def _otherwise(then: Assessment, now: Assessment) -> str:
    """How a second look judges another act than the first; sizes and counts may differ."""
    if now.tier > then.tier:
        return f"it is {now.tier} now: {now.reasons[0].text if now.reasons else 'no reason given'}"
    if {t.path for t in now.targets} != {t.path for t in then.targets}:
        return "its targets are other ones now"
    if now.diff != then.diff:
        return "the file it would change is another one now, and so is the diff"
    same = (now.argv, now.executables, now.operands) == (then.argv, then.executables, then.operands)
    return "" if same else "what it would run is something else now"


def _difference(then: FileId, now: FileId) -> str:
    if then.real != now.real:
        return f"led to {then.real}, now to {now.real}"
    if (then.dev, then.ino) != (now.dev, now.ino):
        return "is another file now" if now.ino else "is gone"
    return "has other content now"
