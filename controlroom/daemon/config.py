"""The settings that hold, for all parts of the daemon."""

from controlroom.model.settings import Profile
from controlroom.policy.settings import BadSettings
from controlroom.storage import settings
from controlroom.storage.paths import Places

__all__ = ["BadSettings", "Configuration"]


class Configuration:
    """What is set. Raises BadSettings when it is made from files that cannot be used."""

    def __init__(self, places: Places) -> None:
        self.settings = settings.load(places)

    def profile(self, name: str) -> Profile:
        """The profile of a launch. Raises BadSettings, which names those that there are."""
        return self.settings.profile(name)

    def state(self) -> str:
        """Where the settings come from, in words."""
        return "; ".join(self.settings.notes) or "ok"
