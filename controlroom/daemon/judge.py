"""Policy with the real file system and the operator's manifest behind it."""

from pathlib import Path

import msgspec

from controlroom.model.action import Action
from controlroom.model.effect import Assessment, Reason
from controlroom.model.tier import Tier
from controlroom.policy import Context, Manifest, ManifestError, assess
from controlroom.sensing.tree import RealTree
from controlroom.storage.files import read_small
from controlroom.storage.paths import Places

MOST = 1 << 20  # bytes of a manifest


class BadManifest(Exception):
    """The never-touch manifest cannot be used; the text names file and line."""


class Judge:
    """Assesses actions. Blocking: runs in threads."""

    def __init__(self, places: Places, home: str) -> None:
        self._file = places.config / "never-touch"
        self._own = tuple(str(p) for p in (places.config, places.state, places.runtime, Path(__file__).parents[1]))
        self.home = home
        self._text = ""
        self._manifest = Manifest.parse("", str(self._file))
        self.reload()
        self.assess(Action("Bash", '{"command":"true"}', "/"), "/")  # loads rules and patterns before anybody waits

    def reload(self) -> None:
        """Read the manifest anew, by an operator's word. Raises BadManifest; then the last good one stays."""
        text = self._read()
        try:
            self._manifest = Manifest.parse(text, str(self._file))
        except ManifestError as e:
            raise BadManifest(str(e)) from e
        self._text = text

    def _read(self) -> str:
        """The user's manifest, "" = none (then the built-in one alone holds). Raises BadManifest."""
        try:
            raw = read_small(self._file, MOST)
        except FileNotFoundError:
            return ""
        except OSError as e:
            raise BadManifest(f"{self._file}: cannot be read: {e.strerror or e}; put a plain text file there") from e
        try:
            return raw.decode()
        except UnicodeDecodeError as e:
            raise BadManifest(f"{self._file}: not UTF-8 at byte {e.start}") from e

    def drift(self) -> str:
        """Whether the manifest on disk is still the one in force; "" = it is."""
        try:
            text = self._read()
        except BadManifest as e:
            return str(e)
        return "" if text == self._text else f"{self._file} was changed without an operator's decision"

    def assess(self, action: Action, workspace: str, written: tuple[str, ...] = ()) -> Assessment:
        """What the action would do; `written` by this session earlier. With a manifest in doubt all but reads is denied."""
        context = Context(workspace=workspace, home=self.home, manifest=self._manifest, own=self._own, written=written)
        assessment = assess(action, context, RealTree())
        drift = self.drift()
        if not drift or assessment.tier is Tier.T0:
            return assessment
        text = f"{drift}; nothing is written until an operator looks at it: controlroom protect list"
        reason = Reason("manifest.drift", Tier.TX, text)
        return msgspec.structs.replace(assessment, tier=Tier.TX, reasons=(reason, *assessment.reasons))
