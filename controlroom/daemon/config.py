"""The settings that hold, for all parts of the daemon: what weakens them waits for an operator, what strengthens does not."""

import msgspec

from controlroom.daemon.accepted import Accepted, Lost, blob, difference, sha256
from controlroom.model.settings import Profile, Rules, Settings
from controlroom.policy.settings import BadSettings
from controlroom.policy.weaker import weaker
from controlroom.storage import settings as files
from controlroom.storage.paths import Places

__all__ = ["BadSettings", "Change", "Configuration"]

SETTINGS = "settings"


class Change(msgspec.Struct, frozen=True):
    """What a look at the files came to: `pin` = the hash of what holds now, where that is new, and who decided it."""

    pin: str = ""
    by: str = ""
    trouble: str = ""


class Configuration:
    """What is set, and what waits. Blocking where it looks at files."""

    def __init__(self, places: Places, accepted: Accepted) -> None:
        """Raises BadSettings for files that cannot be used, OSError where their copy cannot be kept."""
        self._places = places
        self._accepted = accepted
        self._texts: files.Texts = {}
        self.settings = Settings()
        self.waiting: tuple[str, ...] = ()
        self.trouble = ""
        self._lost = False
        self.first = self._start()

    def _start(self) -> Change:
        texts = files.read(self._places)
        found = files.settings_of(texts, self._places.config)
        try:
            kept = self._accepted.get(SETTINGS)
        except Lost as error:
            return self._without_copy(str(error))
        if kept is None:
            return self._take(texts, found, "first start")
        self._texts = msgspec.json.decode(kept, type=files.Texts)
        self.settings = files.settings_of(self._texts, self._places.config)
        return self.look()

    def _without_copy(self, why: str) -> Change:
        """What was accepted is not known any more: the built-in defaults hold until an operator takes what is on disk."""
        self.settings = files.settings_of({}, self._places.config)
        self.trouble = f"{why}; the built-in defaults hold until you take what is on disk: controlroom config accept"
        self._lost = True
        return Change(trouble=self.wrong)

    def look(self) -> Change:
        """Look at the files again: strengthening holds at once, the rest waits, what cannot be used is told (C01, C03)."""
        if self._lost:
            return Change()
        before = self.wrong
        try:
            texts = files.read(self._places)
            found = files.settings_of(texts, self._places.config)
        except BadSettings as error:
            self.trouble, self.waiting = str(error), ()
            return self._news(before)
        self.trouble = ""
        self.waiting = weaker(self.settings, found)
        if self.waiting:
            return self._news(before)
        if texts == self._texts:
            return Change()
        return self._take(texts, found, "strengthening")

    def _news(self, before: str) -> Change:
        told = self.wrong
        return Change(trouble=told if told != before else "")

    def accept(self, expected: str, by: str) -> Change:
        """Take what is on disk, by an operator's word for exactly that. Raises BadSettings, OSError; then nothing changes."""
        texts = files.read(self._places)
        found = files.settings_of(texts, self._places.config)
        if sha256(blob(texts)) != expected:
            raise BadSettings(f"the files in {self._places.config} changed since they were shown; look at them again")
        return self._take(texts, found, by)

    def _take(self, texts: files.Texts, found: Settings, by: str) -> Change:
        pin = self._accepted.put(SETTINGS, blob(texts))
        self._texts, self.settings, self.waiting, self.trouble, self._lost = texts, found, (), "", False
        return Change(pin, by)

    def profile(self, name: str) -> Profile:
        """The profile of a launch. Raises BadSettings, which names those that there are."""
        if name not in self.settings.profiles:
            known = ", ".join(sorted(self.settings.profiles))
            wrong = f" ({self.wrong})" if self.wrong else ""  # it may be on disk, and wait to be accepted
            raise BadSettings(f"there is no profile {name!r}; there are: {known}{wrong}")
        return self.settings.profiles[name]

    def profile_of(self, name: str) -> Profile:
        """The profile of a session that runs; one that is gone meanwhile declares nothing, so all asks."""
        return self.settings.profiles.get(name) or Profile(name, Rules())

    @property
    def wrong(self) -> str:
        """Why the files on disk are not what holds, "" = they are."""
        if self.trouble:
            return self.trouble if self._lost else f"{self.trouble}; the last good settings hold"
        if self.waiting:
            return f"a change that weakens waits for an operator (controlroom config accept): {'; '.join(self.waiting)}"
        return ""

    def state(self) -> str:
        """Where the settings stand, in words."""
        return self.wrong or "; ".join(self.settings.notes) or "ok"

    def proposal(self) -> dict[str, object]:
        """What an operator is to accept: its hash, what it weakens, and the difference. Raises BadSettings."""
        texts = files.read(self._places)
        found = files.settings_of(texts, self._places.config)
        weakens = self.waiting or weaker(self.settings, found)
        return {"sha256": sha256(blob(texts)), "weaker": list(weakens), "diff": difference(self._texts, texts)}
