"""Go to the background as a daemon does, and let the process in front know how the start went."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import msgspec

from controlroom.containment.launch import NOT_SET_UP, LaunchError

_MAX_DESCRIPTORS = 65536  # looked at when closing what was inherited


class Outcome(msgspec.Struct, frozen=True):
    """How the start in the background went: `status` 0, or an exit status and what to tell."""

    status: int
    text: str = ""


def run(work: Callable[[Callable[[], None]], None]) -> Outcome:
    """Call `work` in a background process; returns when it calls the function it is given, or ends before that.

    The background process has its own session, no terminal, `/` as its folder, and /dev/null in place of every descriptor.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _background(writer, work)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read(65536)
    return msgspec.json.decode(said, type=Outcome) if said else Outcome(NOT_SET_UP, "the shim died before the agent ran")


def _background(writer: int, work: Callable[[Callable[[], None]], None]) -> NoReturn:
    told = False

    def tell(outcome: Outcome) -> None:
        nonlocal told
        if not told:
            os.write(writer, msgspec.json.encode(outcome))
            os.close(writer)
            told = True

    try:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.chdir("/")
        _no_descriptors(writer)
        work(lambda: tell(Outcome(0)))
    except LaunchError as error:
        tell(Outcome(error.status, str(error)))
    except BaseException as error:  # noqa: BLE001  the process ends here: its last word goes to whoever waits
        tell(Outcome(NOT_SET_UP, "".join(traceback.format_exception_only(error)).strip()))
    finally:
        os._exit(0)


def _no_descriptors(keep: int) -> None:
    """/dev/null in place of everything inherited. The numbers stay taken, so that an object of the old process that is
    cleaned up later cannot close a new descriptor.
    """
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(min(os.sysconf("SC_OPEN_MAX"), _MAX_DESCRIPTORS)):
        if descriptor in (keep, null):
            continue
        try:
            os.fstat(descriptor)
        except OSError:
            if descriptor > 2:
                continue
        os.dup2(null, descriptor, inheritable=descriptor <= 2)
