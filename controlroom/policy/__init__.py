"""What an action would do, to what, and how bad it is. Pure: files are looked at through the Tree port only.

`assess` is the face, `Draft` the same without the look into folders, `trace` command by command, `explain` says it in
words; rules and lists are data (rules/*.toml, data/*.toml).
"""

from controlroom.policy.assess import Draft, assess, trace
from controlroom.policy.catalogue import RuleError
from controlroom.policy.context import Context
from controlroom.policy.explain import explain, lower
from controlroom.policy.ledger import Found
from controlroom.policy.manifest import Manifest, ManifestError
from controlroom.policy.tree import Scan, Stat, Tree

__all__ = [
    "Context",
    "Draft",
    "Found",
    "Manifest",
    "ManifestError",
    "RuleError",
    "Scan",
    "Stat",
    "Tree",
    "assess",
    "explain",
    "lower",
    "trace",
]
