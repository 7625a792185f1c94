"""Saving and undoing in one word each."""

import os
from pathlib import Path

from controlroom.model.snapshot import Saved
from controlroom.storage.snapshots.budget import Budget
from controlroom.storage.snapshots.manifest import Root
from controlroom.storage.snapshots.plan import Plan, plan
from controlroom.storage.snapshots.restore import restore
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import take

NAME = "a" * 32


def roots(*paths: Path) -> tuple[Root, ...]:
    return tuple(Root(os.fsencode(p)) for p in paths)


def save(store: Store, *paths: Path, name: str = NAME, budget: Budget | None = None) -> Saved:
    return take(store, name, roots(*paths), budget or Budget())


def saved(store: Store, *paths: Path, name: str = NAME) -> Saved:
    """A snapshot that is there."""
    made = save(store, *paths, name=name)
    assert made.seal, made.why
    return made


def undo(store: Store, made: Saved, name: str = NAME) -> Plan:
    """Bring it back; the plan that was carried out."""
    manifest = store.load(name, made.seal)
    steps = plan(store, manifest, None)
    restore(store, manifest, steps)
    return steps
