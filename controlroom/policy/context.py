"""Where an action happens: what policy must be told because it may not look it up."""

import msgspec

from controlroom.policy.catalogue import Catalogue, catalogue
from controlroom.policy.manifest import Manifest


class Context(msgspec.Struct, frozen=True):
    """`workspace`, `home` and `own` (controlroom's own folders) are absolute paths.

    `written`: files that the agent wrote in this session; running one is inspected, or T3 (A22). `rules`: the catalogue.
    """

    workspace: str
    home: str
    manifest: Manifest
    own: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    rules: Catalogue = msgspec.field(default_factory=catalogue)
