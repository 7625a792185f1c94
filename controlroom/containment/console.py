"""The terminal side of a session: the operator's terminal and the agent's own pty, joined for as long as the agent runs."""

import os
import select
import signal
import time
from contextlib import ExitStack, suppress

from controlroom.containment import launch, pty, wakeup
from controlroom.containment.launch import LaunchError, Spec

_DRAIN = 2.0  # s for the last output to reach the operator


class Console:
    """Carries bytes both ways, and keys only while the shell has us in front. Main thread only.

    `slave`: the agent's end of its pty, for the moment of its start; None where it has none.
    """

    def __init__(self, spec: Spec, *, detached: bool) -> None:
        self._spec = spec
        self._detached = detached
        self._operator = pty.Operator()
        self._bridge: pty.Bridge | None = None
        self.slave: int | None = None
        self._keys = False  # whether the operator's keys are read
        self._hung_up = False

    def open(self, stack: ExitStack) -> tuple[int, int, int]:
        """Make the agent's pty where one is needed; what it gets as 0, 1, 2: the pty for terminals, else ours as they are.

        `stack` takes what is to be closed. Raises LaunchError.
        """
        if self._operator.terminal is None and not self._detached:
            return 0, 1, 2
        master, self.slave = os.openpty()
        stack.callback(self._close_pty)
        self._operator.prepare(self.slave)
        sinks: list[pty.Sink] = []
        if self._operator.output is not None:
            sinks.append(pty.Screen(self._operator.output))
        sinks.append(self._open_log())
        for sink in sinks:
            stack.callback(sink.close)
        self._bridge = pty.Bridge(master, sinks)
        if self._detached:
            return self.slave, self.slave, self.slave
        first, second, third = (self.slave if is_tty else at for at, is_tty in enumerate(self._operator.ttys))
        return first, second, third

    def _open_log(self) -> pty.LogFile:
        """What is on the agent's terminal is recorded, whoever else looks at it."""
        path = f"{self._spec.agents_dir}/{self._spec.session}.log"
        try:
            return pty.LogFile(path)
        except OSError as error:
            raise LaunchError(launch.NOT_SET_UP, f"cannot write the log {path}: {error.strerror}") from error

    def _close_pty(self) -> None:
        """Hang up: the kernel sends SIGHUP to whoever has this terminal."""
        if self._bridge is not None:
            os.close(self._bridge.master)
            self._bridge = None
        self._let_go_of_slave()

    def _let_go_of_slave(self) -> None:
        if self.slave is not None:
            os.close(self.slave)
            self.slave = None

    # --- whose terminal it is -------------------------------------------------------------------------------------

    def take(self) -> None:
        """Take the operator's terminal, where the shell gave it to us, in the size that it has now."""
        if self._hung_up:
            return
        self._operator.enter()
        self._keys = self._operator.ttys[0] and self._operator.foreground()
        if self._operator.terminal is not None:
            self.resize()

    def resize(self) -> None:
        """Give the agent's terminal the size of the operator's."""
        if self._bridge is not None:
            pty.set_size(self._bridge.master, self._operator.size())

    def give_back(self) -> None:
        """Leave the operator's terminal as it was found."""
        self._operator.restore()

    def suspend(self) -> None:
        """Give the terminal back and stop, as the operator's shell expects; goes on when it continues us.

        The kernel ignores this where no shell could: then we just go on.
        """
        self.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, wakeup.ignore)
        self.take()

    def hang_up(self) -> None:
        """For good: the terminal is given back, the agent's pty closed."""
        self._hung_up, self._keys = True, False
        self.give_back()
        self._close_pty()

    def front(self) -> int:
        """The process group in front on the agent's terminal, 0 where nobody is."""
        if self._bridge is not None:
            with suppress(OSError):
                return os.tcgetpgrp(self._bridge.master)
        return 0

    # --- bytes ----------------------------------------------------------------------------------------------------

    def wanted(self) -> dict[int, int]:
        """What to poll for, as descriptor → events."""
        if self._bridge is None:
            return {}
        keys = {0: select.POLLIN} if self._keys and self._bridge.takes_input else {}
        return _interests(self._bridge) | keys

    def carry(self, ready: dict[int, int]) -> None:
        """Pass on what can be passed on; `ready` is what poll told."""
        if self._bridge is not None:
            self._carry(self._bridge, ready)

    def _carry(self, bridge: pty.Bridge, ready: dict[int, int]) -> None:
        if ready.get(0):
            self._read_keys(bridge, ready[0])
        if bridge.has_input:
            bridge.push()
        if ready.get(bridge.master, 0) & (select.POLLIN | select.POLLHUP):
            bridge.receive()
        screen = bridge.screen.fileno()
        if bridge.has_output and (screen is None or ready.get(screen)):
            bridge.show()

    def _read_keys(self, bridge: pty.Bridge, events: int) -> None:
        if not self._operator.foreground():
            self._keys = False  # reading now would stop us (SIGTTIN); SIGCONT looks again
            return
        try:
            data = os.read(0, 4096)
        except OSError:
            data = b""
        if data == b"" and (self._operator.raw or events & select.POLLHUP):
            self._keys = False  # the terminal is gone; the kernel's SIGHUP ends us
        elif data == b"" and self.slave is not None:
            bridge.feed(pty.end_of_input(self.slave))
        bridge.feed(data)

    def drain(self) -> None:
        """Pass on what the agent's terminal still holds; the kernel says when that is all, once nobody has it open."""
        self._let_go_of_slave()
        bridge, deadline = self._bridge, time.monotonic() + _DRAIN
        while bridge is not None and (not bridge.ended or bridge.has_output) and time.monotonic() < deadline:
            poll = select.poll()
            for descriptor, events in _interests(bridge).items():
                poll.register(descriptor, events)
            ready = dict(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
            if bridge.takes_output and not bridge.ended:
                bridge.receive()
            self._carry(bridge, {at: events for at, events in ready.items() if at != bridge.master})


def _interests(bridge: pty.Bridge) -> dict[int, int]:
    """What to poll for so that bytes move on; a descriptor nothing is wanted of is left out (its POLLHUP would spin)."""
    wanted: dict[int, int] = {}
    events = (select.POLLIN if bridge.takes_output and not bridge.ended else 0) | (select.POLLOUT if bridge.has_input else 0)
    if events:
        wanted[bridge.master] = events
    screen = bridge.screen.fileno()
    if bridge.has_output and screen is not None:
        wanted[screen] = select.POLLOUT
    return wanted
