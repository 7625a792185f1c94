"""The rules that the daemon judges by: those of its start, until an operator takes others that lie on disk."""

import os
from importlib import resources
from pathlib import Path

from controlroom.daemon.accepted import blob, difference, sha256
from controlroom.policy.catalogue import Catalogue, RuleError

RULES = "rules"
FOLDER = Path(str(resources.files("controlroom.policy").joinpath("rules")))

Texts = dict[str, str]  # of the files, by name


class Rulebook:
    """The rules in force. `wrong` says why those on disk are others ("" = they are not). Blocking."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Raises RuleError naming file, line and key."""
        self._folder = folder
        self._marks = self._look_of_files()
        self._texts, self.catalogue = self._read()
        self.wrong = ""

    @property
    def sha256(self) -> str:
        """What the rules in force are known by."""
        return sha256(blob(self._texts))

    def look(self) -> str:
        """Look at the files again; gives what is to be told, "" = nothing new. The last good rules hold in any case."""
        marks, before = self._look_of_files(), self.wrong
        if marks == self._marks:
            return ""
        self._marks = marks
        try:
            texts, _ = self._read()
        except RuleError as error:
            self.wrong = f"{error}; the last good rules hold"
        else:
            self.wrong = "" if texts == self._texts else f"the rules in {self._folder} were changed; {_WAITS}"
        return self.wrong if self.wrong != before else ""

    def proposal(self) -> dict[str, object]:
        """What an operator is to accept: its hash, and the difference. Raises RuleError."""
        texts, _ = self._read()
        shown = {"sha256": sha256(blob(texts)), "diff": difference(self._texts, texts)}
        return {"state": self.wrong or "ok", "weaker": [], **shown}

    def accept(self, expected: str) -> str:
        """Take what is on disk, by an operator's word for exactly that; gives its hash. Raises RuleError."""
        texts, whole = self._read()
        if sha256(blob(texts)) != expected:
            raise RuleError(f"the files in {self._folder} changed since they were shown; look at them again")
        self._texts, self.catalogue, self.wrong = texts, whole, ""
        return expected

    def _read(self) -> tuple[Texts, Catalogue]:
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(".toml"))
            texts = {name: (self._folder / name).read_text("utf-8") for name in names}
        except (OSError, UnicodeDecodeError) as error:
            raise RuleError(f"{self._folder}: the rules cannot be read: {error}; install the program again") from error
        if not texts:
            raise RuleError(f"{self._folder}: there are no rules; install the program again")
        whole = Catalogue(texts)
        try:
            whole.complete()
        except RuleError as error:
            raise RuleError(f"{self._folder}/{error}") from error
        return texts, whole

    def _look_of_files(self) -> tuple[object, ...]:
        """What changes when a file does."""
        try:
            entries = sorted(os.scandir(self._folder), key=lambda entry: entry.name)
            looks = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".toml")]
        except OSError as error:
            return (str(error),)
        return tuple((name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) for name, found in looks)


_WAITS = "the last good ones hold until an operator takes these: controlroom config accept"
