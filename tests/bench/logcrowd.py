"""The real daemon with many sessions that have a log each: `python -m tests.bench.logcrowd FOLDER COUNT` says `ready`."""

import os
import sys

import anyio

from controlroom.daemon.clock import now
from controlroom.daemon.house import House
from controlroom.model import event as ev
from controlroom.model.agent import Label, Rung, Session
from controlroom.storage.paths import places


async def main(folder: str, count: int) -> None:
    """The daemon, until it is killed."""
    os.umask(0o077)
    house = House(places(os.environ))
    for number in range(count):
        name = f"agent-{number:03}"
        log = os.path.join(folder, f"{name}.log")
        session = Session(name, name, "process", Label.SUPERVISED, Rung.CGROUP, folder, now(), logs=(log,))
        house._runner.feed(ev.SessionOpened(now(), session))
    async with anyio.create_task_group() as group:
        await house.open()
        group.start_soon(house.tick)
        group.start_soon(house._logs.run)
        print("ready", flush=True)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]))
