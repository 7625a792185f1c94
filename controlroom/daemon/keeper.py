"""The daemon's snapshots: how much one would be, told before the operator is asked; making it; and what is kept how long."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from controlroom.daemon.ledger import Ledger
from controlroom.model.effect import Assessment
from controlroom.model.record import UNRELEASED, Receipt, Stage
from controlroom.model.request import Request
from controlroom.model.settings import Snapshots
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier
from controlroom.storage.snapshots.budget import Budget, fits, human, measure
from controlroom.storage.snapshots.checkpoint import Bounds, checkpoint
from controlroom.storage.snapshots.cover import cover
from controlroom.storage.snapshots.history import NoHistory, left_out, weigh
from controlroom.storage.snapshots.manifest import Root
from controlroom.storage.snapshots.store import Listed, Store
from controlroom.storage.snapshots.take import take
from controlroom.storage.snapshots.walk import CannotSave, Moved

PASSING = Budget(256 << 20, 5_000, 3.0)  # of what nobody is asked about: it must not hold an agent up
BOUNDS = Bounds()  # of a checkpoint
WEIGH_SECONDS = 2.0  # to count what git would have to pack
DAY = 86_400 * 10**9
MOST_FAILED = 64  # targets that could not be saved, remembered until the next collection
HOUR = 3_600 * 10**9
UNVERIFIED = (Stage.ALLOWED, Stage.STARTED, Stage.INTERRUPTED, Stage.UNDELIVERED)  # nobody has told how it ended


class Keeper:
    """`cover` and `save` block: they run in threads."""

    def __init__(self, store: Store, settings: Snapshots, ledger: Ledger, waits: Callable[[str], bool]) -> None:
        """`waits`: whether a receipt is of a request that is not decided yet."""
        self.store = store
        self.budget = Budget(settings.bytes, settings.files, settings.seconds)
        self.seconds = settings.seconds
        self._settings = settings
        self._ledger = ledger
        self._waits = waits
        self._used = 0
        self._failed: OrderedDict[tuple[Root, ...], str] = OrderedDict()

    def cover(self, assessment: Assessment) -> Assessment:
        """The assessment with the truth about its undo, measured. What only reads costs nothing."""
        if assessment.tier in (Tier.T0, Tier.TX):
            return msgspec.structs.replace(assessment, undo=False, undo_why="")
        found = cover(assessment)
        if found.why or not found.roots:
            return msgspec.structs.replace(assessment, undo=False, undo_why="; ".join(filter(None, (found.why, *found.beyond))))
        if why := self._failed.get(found.roots):
            return msgspec.structs.replace(assessment, undo=False, undo_why=f"a snapshot was tried and failed: {why}")
        try:
            budget, free = self._budget(assessment.tier), self.store.free
            size = measure(self.store.disk, found.roots, budget, free)
            # Whom nobody is asked about is not kept waiting for it: its receipt tells.
            heavy, light = self._histories(found.roots, budget, size.size) if assessment.tier >= Tier.T2 else (0, ())
            fits(size.size + heavy, free)
            self._room(size.size + heavy)
        except CannotSave as e:
            return msgspec.structs.replace(assessment, undo=False, undo_why=str(e))
        except OSError as e:
            return msgspec.structs.replace(assessment, undo=False, undo_why=f"it cannot be looked through: {e.strerror or e}")
        left = [f"not saved: {text}" for text in (*light, *size.left_out[:5])]
        return msgspec.structs.replace(assessment, undo=True, undo_why="; ".join((*left, *found.beyond)))

    def _histories(self, roots: Iterable[Root], budget: Budget, size: int) -> tuple[int, tuple[str, ...]]:
        """Bytes of what only git's names hold on to, and of which repositories that will not be saved, and why.

        `size`: bytes of the files that are saved beside it.
        """
        until, left = time.monotonic() + WEIGH_SECONDS, []

        def in_time() -> None:
            if time.monotonic() > until:
                raise NoHistory(f"how much they are cannot be told within {WEIGH_SECONDS:.0f} s: perhaps they are saved")

        heavy = 0
        for git in sorted({root.git for root in roots if root.git}):
            try:
                heavy += weigh(self.store, git, budget.bytes - size - heavy, in_time)
            except NoHistory as e:
                left.append(left_out(git, e))
            except Moved as e:
                raise CannotSave(f"{e}: it is being changed right now") from e
        return heavy, tuple(left)

    def _budget(self, tier: Tier) -> Budget:
        return self.budget if tier >= Tier.T2 else PASSING

    def _room(self, size: int) -> None:
        if self._used + size > self._settings.store:
            raise CannotSave(f"{human(size)}, and the snapshots that must be kept already fill {human(self._used)}")

    def save(self, request: Request, gone: Callable[[], bool]) -> Saved:
        """The snapshot of a request's act. What failed is remembered: asked again, it shows "no undo" and may be allowed."""
        roots = cover(request.assessment).roots
        saved = self.take(request.id, roots, self._budget(request.assessment.tier), gone)
        if request.assessment.tier >= Tier.T2 and not saved.seal and not gone():
            self._failed[roots] = saved.why
            while len(self._failed) > MOST_FAILED:
                self._failed.popitem(last=False)
        return saved

    def take(self, name: str, roots: tuple[Root, ...], budget: Budget, gone: Callable[[], bool] = lambda: False) -> Saved:
        """A snapshot of these roots under a receipt's name."""
        saved = take(self.store, name, roots, budget, gone)
        self._used += saved.size if saved.seal else 0
        return saved

    def checkpoint(self, name: str, why: str, paths: Iterable[bytes]) -> Saved:
        """The files of a session, kept under this name. Blocking."""
        made = checkpoint(self.store, name, why, paths, BOUNDS, self._room)
        self._used += made.added
        return made.saved

    # Upkeep

    def collect(self, now: int) -> int:
        """Drop what is too old, what was never needed, and the oldest where the store is too full; how many. Blocking.

        Never what is younger than a day, or of an act of which nobody has told how it ended. `now`: wall clock, ns.
        """
        listed = sorted((s for n in self.store.names() if (s := self.store.listed(n))), key=lambda s: s.made)
        self._failed.clear()
        self.store.sweep()
        used, dropped = self.store.used(), 0
        for one in listed:
            old = now - one.made > self._settings.keep_days * DAY
            if self._orphan(one, now) or (not self.kept(one, now) and (old or used > self._settings.store)):
                self.store.drop(one.name)
                used, dropped = used - one.size, dropped + 1
        self.store.sweep()
        self._used = self.store.used()
        return dropped

    def _orphan(self, one: Listed, now: int) -> bool:
        """Made for an act that was then not released (J08)."""
        receipt = self._ledger.get(one.name)
        return bool(receipt and receipt.stage in UNRELEASED) and now - one.made > HOUR and not self._waits(one.name)

    def kept(self, one: Listed, now: int) -> str:
        """Why a snapshot may not be dropped; "" = it may be, once it is old enough or the store is full."""
        receipt: Receipt | None = self._ledger.get(one.name)
        if now - one.made < DAY:
            return "recent"
        return "nobody has told how its act ended" if receipt and receipt.stage in UNVERIFIED else ""
