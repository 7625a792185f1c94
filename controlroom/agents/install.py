"""Putting the gate into an agent's settings files, and taking it out again without a trace."""

import base64
import difflib
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Literal

import msgspec

from controlroom.agents import json_text
from controlroom.agents.gated import Settings
from controlroom.agents.replacing import replace, sync_folder
from controlroom.agents.strict import BadJson, read_object

Scope = Literal["user", "project", "managed"]


class Refused(Exception):
    """Nothing was changed; the text names the file and says why and what to do."""


class Plan(msgspec.Struct, frozen=True):
    """One change of one settings file, before it is made. `before`, `after`: the whole content, None = no file.

    `asked` is the path as the agent knows it, `file` what it resolves to. `notes`: what the operator should know before.
    """

    settings: Settings
    scope: Scope
    removing: bool
    asked: Path
    file: Path
    before: bytes | None
    after: bytes | None
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The change as a unified diff, "" for none. Holds what is in the file: show it as untrusted text."""
        old, new = ((text or b"").decode("utf-8", "replace").splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(
            line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(old, new, str(self.file), str(self.file))
        )


class _Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was there before us: `before` base64 or None for no file, `after` the SHA-256 of what we wrote, `made` the folders
    that we made for it, the innermost first.
    """

    file: str
    before: str | None
    after: str
    made: tuple[str, ...] = ()


def plan(
    settings: Settings,
    scope: Scope,
    home: Path,
    project: Path,
    gate_dir: Path,
    python: Path,
    hook_path: Path,
    *,
    managed: Path | None = None,
) -> Plan:
    """What installing would change; an installation of ours that is there is brought up to date. Changes nothing.

    `managed`: where an administrator's files lie, None = where the agent looks for them. Raises Refused for a file that cannot
    be changed safely, ValueError for a path that is not absolute.
    """
    asked, file = _resolve(settings, scope, home, project, managed)
    before = _content(file)
    groups = settings.hooks(gate_dir, python, hook_path)
    if before is None:
        whole = {**settings.HEAD, "hooks": {event: [group] for event, group in groups.items()}}
        after = (json.dumps(whole, indent=2) + "\n").encode()
    elif _installed(settings, before, file) == {event: [group] for event, group in groups.items()}:
        after = before
    else:
        text = _without_ours(settings, before, file).decode()
        try:
            for event in settings.EVENTS:
                text = json_text.append(text, ("hooks", event), groups[event])
        except json_text.Unfit as e:
            raise Refused(f"{file}: {e}; repair it first") from None
        after = text.encode()
    return Plan(settings, scope, False, asked, file, before, after, (*settings.NOTES, *_notes(scope, project)))


def plan_uninstall(
    settings: Settings, scope: Scope, home: Path, project: Path, backups: Path, *, managed: Path | None = None
) -> Plan:
    """What uninstalling would change: the bytes from before the installation, or, where something else has changed since,
    everything but our entries. Raises Refused as `plan`.
    """
    asked, file = _resolve(settings, scope, home, project, managed)
    before = _content(file)
    backup = _load(backups, file)
    after: bytes | None
    if before is None:
        after = None
    elif backup is not None and backup.after == _sum(before):
        after = None if backup.before is None else base64.b64decode(backup.before)
    else:
        after = _without_ours(settings, before, file)
    return Plan(settings, scope, True, asked, file, before, after)


def apply(planned: Plan, backups: Path) -> None:
    """Make the change. `backups` is a folder of ours (made with mode 0700) where the earlier content is kept until uninstall.

    Raises Refused when the file is no longer as planned; OSError when it cannot be written (the old content is then whole).
    """
    file = planned.file
    if _content(file) != planned.before:
        raise Refused(f"{file}: it has changed meanwhile; look at the new diff and try again")
    if planned.removing:
        _take_out(planned, backups)
        return
    if not planned.changes or planned.after is None:
        return
    made = tuple(str(folder) for folder in file.parents if not folder.exists())
    earlier = _load(backups, file)
    before = planned.before
    if earlier is not None and before is not None and earlier.after == _sum(before):
        before = None if earlier.before is None else base64.b64decode(earlier.before)
        made = earlier.made
    elif before is not None:
        before = _without_ours(planned.settings, before, file)
    kept = None if before is None else base64.b64encode(before).decode("ascii")
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = msgspec.json.encode(_Backup(str(file), kept, _sum(planned.after), made))
    replace(_backup_path(backups, file), record, 0o600)
    file.parent.mkdir(mode=0o755 if planned.scope == "managed" else 0o700, parents=True, exist_ok=True)
    replace(file, planned.after, 0o644 if planned.scope == "managed" else 0o600)


def _take_out(planned: Plan, backups: Path) -> None:
    file, backup = planned.file, _load(backups, planned.file)
    if planned.changes and planned.after is None:
        os.unlink(file)
        sync_folder(file.parent)
        for folder in map(Path, backup.made if backup is not None else ()):
            if any(folder.iterdir()):
                break
            folder.rmdir()
    elif planned.changes and planned.after is not None:
        replace(file, planned.after, 0o600)
    _backup_path(backups, file).unlink(missing_ok=True)


def _resolve(settings: Settings, scope: Scope, home: Path, project: Path, managed: Path | None) -> tuple[Path, Path]:
    """The file that a scope means, and the real one to write."""
    if scope not in settings.SCOPES:
        raise Refused(f"--scope {scope}: {settings.OTHER_SCOPES}")
    asked = settings.file(scope, home, project, managed)
    return asked, _real(scope, asked, project)


def _real(scope: Scope, asked: Path, project: Path) -> Path:
    """A link is followed, so that it stays one, but only to a file of ours that is nobody else's."""
    try:
        file = asked.resolve(strict=os.path.islink(asked))
    except (OSError, RuntimeError) as e:
        raise Refused(f"{asked}: is a symbolic link that leads nowhere ({e}); repair or remove it") from None
    if scope == "project" and not file.is_relative_to(project.resolve()):
        raise Refused(f"{asked}: leads out of the project to {file}; make it a file of the project")
    try:
        found = os.lstat(file)
    except (FileNotFoundError, NotADirectoryError):
        return file
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"{file}: is not a regular file; move it away")
    if found.st_uid != os.geteuid():
        raise Refused(f"{file}: belongs to uid {found.st_uid}, not to you (uid {os.geteuid()}); install as its owner")
    if found.st_nlink > 1:
        raise Refused(f"{file}: has {found.st_nlink} hard links, which a safe write would part; make it a single file")
    return file


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as e:
        raise Refused(f"{file}: cannot be read: {e.strerror}") from None


def _document(settings: Settings, data: bytes, file: Path) -> dict[str, object]:
    try:
        return read_object(json_text.without_comments(data.decode()).encode() if settings.COMMENTS else data)
    except UnicodeDecodeError as e:
        raise Refused(f"{file}: byte {e.start}: is not UTF-8; the agent would not take it: repair it first") from None
    except BadJson as e:
        raise Refused(f"{file}: {e}; the agent would not take it: repair it first") from None


def _installed(settings: Settings, data: bytes, file: Path) -> dict[str, list[object]]:
    """Our groups, by event."""
    events = _document(settings, data, file).get("hooks")
    found: dict[str, list[object]] = {}
    for event, groups in events.items() if isinstance(events, dict) else ():
        mine = [group for group in groups if settings.ours(event, group)] if isinstance(groups, list) else []
        if mine:
            found[event] = mine
    return found


def _without_ours(settings: Settings, data: bytes, file: Path) -> bytes:
    """The same file without our groups; every other byte stays."""
    events = _installed(settings, data, file)
    text = data.decode()
    for event in events:
        while True:
            groups = _groups(settings, text, file, event)
            mine = [index for index, group in enumerate(groups) if settings.ours(event, group)]
            if not mine:
                break
            text = json_text.remove(text, ("hooks", event), mine[-1])
    return text.encode()


def _groups(settings: Settings, text: str, file: Path, event: str) -> list[object]:
    events = _document(settings, text.encode(), file).get("hooks")
    groups = events.get(event) if isinstance(events, dict) else None
    return groups if isinstance(groups, list) else []


def _notes(scope: Scope, project: Path) -> tuple[str, ...]:
    if scope == "managed":
        return ("it holds for every user of this machine, and only your gate answers: others' calls will be denied",)
    if scope == "project" and (project / ".git").exists():
        return ("the file may be shared through git, and its paths are of this machine: keep it out of commits",)
    return ()


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _backup_path(backups: Path, file: Path) -> Path:
    return backups / f"{_sum(os.fsencode(file))[:32]}.json"


def _load(backups: Path, file: Path) -> _Backup | None:
    """The backup of this file; one that cannot be read counts as none, and uninstall then takes out our entries only."""
    try:
        backup = msgspec.json.decode(_backup_path(backups, file).read_bytes(), type=_Backup)
    except (OSError, msgspec.DecodeError):
        return None
    return backup if backup.file == str(file) else None
