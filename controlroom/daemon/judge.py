"""Policy with the real file system and the operator's manifest behind it."""

import os
from pathlib import Path

import msgspec

from controlroom.daemon import members
from controlroom.daemon.accepted import Accepted, Lost, sha256
from controlroom.daemon.members import Members
from controlroom.daemon.rulebook import Rulebook
from controlroom.model.action import Action
from controlroom.model.effect import Assessment, Reason
from controlroom.model.tier import Tier
from controlroom.policy import Context, Found, Manifest, ManifestError, assess, trace
from controlroom.policy.catalogue import catalogue
from controlroom.policy.protect import matched
from controlroom.sensing.tree import RealTree
from controlroom.storage.files import read_small
from controlroom.storage.paths import Places

MOST = 1 << 20  # bytes of a manifest
MANIFEST = "manifest"


class BadManifest(Exception):
    """The never-touch manifest cannot be used; the text names file and line."""


class Judge:
    """Assesses actions. Blocking: runs in threads."""

    def __init__(self, places: Places, home: str, accepted: Accepted | None = None, rules: Rulebook | None = None) -> None:
        """Without `accepted` the manifest on disk is taken as it is, without `rules` the packaged ones, each file when it is
        needed. Raises BadManifest, OSError.
        """
        self._file = places.config / "never-touch"
        self._own = tuple(str(p) for p in (places.config, places.state, places.runtime, Path(__file__).parents[1]))
        self.home = home
        self._accepted = accepted
        self._rules = rules
        self._text = ""
        self._lost = ""
        self._manifest = Manifest.parse("", str(self._file))
        self._start()
        self.assess(Action("Bash", '{"command":"true"}', "/"), "/")  # loads rules and patterns before anybody waits

    def _start(self) -> None:
        """What was accepted last holds, whatever lies on disk now (N11); at the very first start, what lies there."""
        try:
            kept = self._accepted.get(MANIFEST) if self._accepted else None
        except Lost as e:
            self._lost = str(e)
            return
        if kept is None:
            self._take(self._read())
        else:
            self._text = kept.decode()
            self._manifest = Manifest.parse(self._text, str(self._file))

    def reload(self, expected: str) -> str:
        """Take the manifest on disk, by an operator's word for exactly this content (its SHA-256); gives the hash to pin.

        Raises BadManifest, OSError; then the last good one stays.
        """
        text = self._read()
        if sha256(text.encode()) != expected:
            raise BadManifest(f"{self._file} changed since it was shown; look at it again")
        return self._take(text)

    def _take(self, text: str) -> str:
        try:
            manifest = Manifest.parse(text, str(self._file))
        except ManifestError as e:
            raise BadManifest(str(e)) from e
        pin = self._accepted.put(MANIFEST, text.encode()) if self._accepted else ""
        self._text, self._manifest, self._lost = text, manifest, ""
        return pin

    def _read(self) -> str:
        """The user's manifest, "" = none (then the built-in one alone holds). Raises BadManifest."""
        try:
            raw = read_small(self._file, MOST, owners=(os.geteuid(), 0))
        except FileNotFoundError:
            return ""
        except OSError as e:
            raise BadManifest(f"{self._file}: cannot be read: {e.strerror or e}; put a plain text file there") from e
        try:
            return raw.decode()
        except UnicodeDecodeError as e:
            raise BadManifest(f"{self._file}: not UTF-8 at byte {e.start}") from e

    @property
    def text(self) -> str:
        """The manifest in force."""
        return self._text

    def idle_lines(self) -> list[str]:
        """Lines of the manifest in force that mean nothing there is now: perhaps a typing mistake (N13)."""
        lines = [*self._manifest.write, *self._manifest.read]
        return [line for line in lines if matched(line, self.home, RealTree()) == 0]

    def drift(self) -> str:
        """Why the manifest in force is not the one on disk, which no operator took; "" = it is."""
        if self._lost:
            return self._lost
        try:
            text = self._read()
        except BadManifest as e:
            return str(e)
        return "" if text == self._text else f"{self._file} was changed without an operator's decision"

    def _context(self, workspace: str, written: tuple[str, ...] = ()) -> Context:
        rules = self._rules.catalogue if self._rules else catalogue()
        return Context(workspace, self.home, self._manifest, self._own, written, rules)

    def context(self, workspace: str) -> Context:
        """What the lists in force are held against, for a session that works there."""
        return self._context(workspace)

    def members(self, workspace: str, kind: str) -> Members:
        """What the walls of an ENFORCED session protect. Raises BadManifest where the lists are in doubt, NotWalled."""
        if drift := self.drift():
            raise BadManifest(f"{drift}; look at it first: controlroom protect list")
        return members.find(self._context(workspace), kind)

    def assess(self, action: Action, workspace: str, written: tuple[str, ...] = ()) -> Assessment:
        """What the action would do; `written` by this session earlier. With a manifest in doubt all but reads is denied."""
        return self._held(assess(action, self._context(workspace, written), RealTree()))

    def trace(self, action: Action, workspace: str) -> tuple[Assessment, tuple[Found, ...]]:
        """The same, with what was found about each simple command alone."""
        assessment, found = trace(action, self._context(workspace), RealTree())
        return self._held(assessment), found

    def _held(self, assessment: Assessment) -> Assessment:
        drift = self.drift()
        if not drift or assessment.tier is Tier.T0:
            return assessment
        text = f"{drift}; nothing is written until an operator looks at it: controlroom protect list"
        reason = Reason("manifest.drift", Tier.TX, text)
        return msgspec.structs.replace(assessment, tier=Tier.TX, reasons=(reason, *assessment.reasons))
