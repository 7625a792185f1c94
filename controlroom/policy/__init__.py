"""What an action would do, to what, and how bad it is. Pure: files are looked at through the Tree port only.

`assess` is the whole face; `explain` says it in words; rules and lists are data (rules/*.toml, data/*.toml).
"""

from controlroom.policy.assess import assess
from controlroom.policy.context import Context
from controlroom.policy.explain import explain
from controlroom.policy.manifest import Manifest, ManifestError
from controlroom.policy.tree import Scan, Stat, Tree

__all__ = ["Context", "Manifest", "ManifestError", "Scan", "Stat", "Tree", "assess", "explain"]
