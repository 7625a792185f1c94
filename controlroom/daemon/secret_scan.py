"""Secrets in the logs of agents: each is told once, with its file, line and kind; never the secret itself (R14)."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import anyio
import anyio.to_thread
import msgspec

from controlroom.daemon.runner import Runner
from controlroom.model.permissions import Secret
from controlroom.model.record import Kind, Record
from controlroom.sensing.log_secrets import Hit, LogSecrets, Mark
from controlroom.storage.notes import Carried, Leak

LOOK_SECONDS = 0.5
SHARE = 0.05  # of one core, at most
LEAST_SECONDS = 0.002  # for one log at one look
MOST_TOLD = 20  # secrets of one log that are told as alarms; all are listed
MOST_KNOWN = 2000  # secrets that are remembered


class SecretScan:
    """`logs`: the files of each session, by its id. Folds its own records, so that a restart tells nothing twice."""

    def __init__(self, runner: Runner, mark: Mark, logs: Callable[[], Mapping[str, Sequence[str]]]) -> None:
        self._runner, self._mark, self._logs = runner, mark, logs
        self._scans: dict[str, LogSecrets] = {}
        self._times: dict[tuple[str, str], int] = {}  # path and mark → lines of this run of the daemon

    async def run(self, known: "Secrets") -> None:
        """For ever."""
        while True:
            await self.look(known)
            await anyio.sleep(LOOK_SECONDS)

    async def look(self, known: "Secrets") -> None:
        """Go on in each log for its share of the time."""
        wanted = {path: session for session, paths in self._logs().items() for path in paths}
        for gone in self._scans.keys() - wanted.keys():
            self._scans.pop(gone).close()
        for path in wanted.keys() - self._scans.keys():
            self._scans[path] = LogSecrets(path, self._mark)
        if not wanted:
            return
        share = max(LEAST_SECONDS, LOOK_SECONDS * SHARE / len(wanted))
        found = await anyio.to_thread.run_sync(_look, list(self._scans.values()), share)
        for path, hits in found.items():
            for hit in hits:
                self._take(known, path, hit, wanted[path])

    def _take(self, known: "Secrets", path: str, hit: Hit, session: str) -> None:
        key = (path, hit.mark)
        if known.has(*key):
            known.again(*key, first=key not in self._times)
        else:
            self._runner.record(Kind.LEAK, Leak(path, hit.line, hit.kind, hit.mark), session)
            if known.count(path) <= MOST_TOLD:
                text = f"a secret ({hit.kind}) lies in line {hit.line} of the log {path}: whoever reads it has it"
                self._runner.alarm("secret", text, session)
        self._times[key] = self._times.get(key, 0) + 1

    def left(self, session: str) -> int:
        """Bytes of this session's logs that were not looked at. Blocking."""
        return sum(self._scans[path].left() for path in self._logs().get(session, ()) if path in self._scans)

    def paths(self, session: str) -> tuple[str, ...]:
        """The logs of a session."""
        return tuple(self._logs().get(session, ()))

    def close(self) -> None:
        """Let go of the files."""
        for scan in self._scans.values():
            scan.close()


class Secrets:
    """What was found, by log: folded from the journal's records, the oldest forgotten first."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[str, str], Secret] = OrderedDict()

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.LEAK:
            self._add(msgspec.json.decode(record.body, type=Leak))
        elif record.kind is Kind.CARRIED:
            carried = msgspec.json.decode(record.body, type=Carried).remembered
            for leak in carried.leaks if carried is not None else ():
                self._add(leak)

    def _add(self, leak: Leak) -> None:
        self._found.setdefault((leak.path, leak.mark), Secret(leak.path, leak.line, leak.kind))
        while len(self._found) > MOST_KNOWN:
            self._found.popitem(last=False)

    def carried(self) -> tuple[Leak, ...]:
        """All of them, as a new segment of the journal takes them along."""
        return tuple(Leak(path, secret.line, secret.kind, mark) for (path, mark), secret in self._found.items())

    def has(self, path: str, mark: str) -> bool:
        """Whether this secret was found in this log before."""
        return (path, mark) in self._found

    def again(self, path: str, mark: str, *, first: bool) -> None:
        """It was seen in one more line; `first`: the first time since the daemon's start, which was counted before it."""
        secret = self._found[(path, mark)]
        self._found[(path, mark)] = msgspec.structs.replace(secret, times=1 if first else secret.times + 1)

    def count(self, path: str) -> int:
        """How many are in this log."""
        return sum(1 for known, _ in self._found if known == path)

    def of(self, paths: Sequence[str]) -> tuple[Secret, ...]:
        """Those of these logs."""
        return tuple(secret for (path, _), secret in self._found.items() if path in paths)


def _look(scans: list[LogSecrets], seconds: float) -> dict[str, list[Hit]]:
    return {scan.path: hits for scan in scans if (hits := scan.look(seconds))}
