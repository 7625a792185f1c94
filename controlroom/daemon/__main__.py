"""The daemon process: one per user. Started by `controlroom daemon start` or by the room; ends on SIGTERM or SIGINT."""

import ctypes
import gc
import os
import resource
import signal
import sys

import anyio

from controlroom.daemon.config import BadSettings
from controlroom.daemon.house import House
from controlroom.daemon.judge import BadManifest
from controlroom.daemon.turn import go_first
from controlroom.model.ready import ready_for_threads
from controlroom.policy.catalogue import RuleError
from controlroom.storage.lock import Locked
from controlroom.storage.paths import Insecure, places

PR_SET_DUMPABLE = 4  # prctl(2): nobody of our uid reads our memory or takes our descriptors (kernel.md 5)


def main() -> int:
    """Run until told to stop. 0 = stopped in good order, 1 = could not start, with the reason on stderr."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.umask(0o077)
    go_first()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard, hard)
    )  # several descriptors a waiting hook, whatever the login shell says
    ready_for_threads()
    try:
        house = House(places(os.environ))
    except Locked as e:
        print(f"controlroom: a daemon already runs: {e}", file=sys.stderr)
        return 1
    except (Insecure, BadSettings, RuleError, BadManifest, OSError) as e:
        print(f"controlroom: the daemon cannot start: {e}", file=sys.stderr)
        return 1
    status = 0
    try:
        anyio.run(_run, house)
    except* OSError as e:
        print(f"controlroom: the daemon ended: {'; '.join(map(str, e.exceptions))}", file=sys.stderr)
        status = 1
    return status


async def _run(house: House) -> None:
    async with anyio.create_task_group() as group:
        await house.open()
        gc.collect()
        gc.freeze()  # what a start leaves is no garbage: a stop or an answer never waits until it is all looked through again
        group.start_soon(house.tick)
        group.start_soon(house.watch)
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number != signal.SIGHUP:
                    break
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await house.close()


if __name__ == "__main__":
    sys.exit(main())
