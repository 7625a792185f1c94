"""The per-agent shim: parent of everything the agent starts, witness of its end; its terminal is kept by `console`.

`controlroom run` in the operator's terminal becomes the shim; detached it is a process of its own. If it is killed, the
agent goes on in its cgroup and can still be taken hold of by its handle.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from controlroom.containment import cage, cgroup, control, detach, hold, launch, orphans, pidns, processes, sweep, wakeup
from controlroom.containment.cage import Report
from controlroom.containment.console import Console
from controlroom.containment.launch import LaunchError, Spec
from controlroom.containment.reaper import Reaper, become_subreaper
from controlroom.model.agent import Handle, ProcessId, Rung, StopResult, Survivor

HANGUP_GRACE = 5.0  # s between hanging up and killing what did not end
_NEVER_STOPPED = (Rung.CGROUP, Rung.PIDNS)  # where the process that we wait for gets no SIGSTOP of ours

OnReady = Callable[[Handle, Report], None]
OnExit = Callable[[int, list[Survivor], list[str]], None]


def run_attached(spec: Spec, on_ready: OnReady, on_exit: OnExit, *, leash: int | None = None) -> int:
    """Run the agent in this terminal, this process being its shim; returns its exit status (128 + signal if one ended it).

    `on_ready` is called when the agent's process is held but has run nothing, with what the canary in its cage found: it makes
    the handle durable. Whatever it raises is raised here, and nothing has run. `on_exit` is called once for every `on_ready`
    that returned, after the session's end, with what the agent left behind (killed) or what could not be killed, and the
    files of a throw-away home or temporary folder, which are gone then. `leash`: the reading end of a pipe; when nobody holds
    its other end any more the session is killed, frozen or not.
    Main thread only, and without children.
    What cannot be started is told on standard error: 127 not found, 126 not executable, 125 the session was not set up.
    """
    try:
        return _Shim(spec, detached=False, leash=leash).run(on_ready, on_exit, lambda: None)
    except LaunchError as error:
        print(f"controlroom: {error}", file=sys.stderr)
        return error.status


def run_detached(spec: Spec, on_ready: OnReady, on_exit: OnExit) -> int:
    """Run the agent with a terminal of its own under a shim in the background; returns 0 as soon as its program runs.

    `on_ready` and `on_exit` are called in the background process, whose inherited descriptors are all closed: they must open
    what they use. Errors as in `run_attached`.
    """

    def background(started: Callable[[], None]) -> None:
        _Shim(spec, detached=True).run(on_ready, on_exit, started)

    outcome = detach.run(background)
    if outcome.text:
        print(f"controlroom: {outcome.text}", file=sys.stderr)
    return outcome.status


class _Shim:
    def __init__(self, spec: Spec, *, detached: bool, leash: int | None = None) -> None:
        self._spec = spec
        self._leash = leash
        self._console = Console(spec, detached=detached)
        self._starting: int | None = None  # readable when the agent's program runs, or cannot
        self._hung_up = False
        self._alone = False  # whether nothing of the session is left (ECHILD)
        self._stopping = False  # everybody was asked to end, and has until `_kill_at`
        self._kill_at: float | None = None  # when what was asked to end is killed
        self._waiting: list[socket.socket] = []  # who is answered when the session is over
        self._wake: int
        self._listener: socket.socket
        self._reaper: Reaper
        self._handle: Handle

    def run(self, on_ready: OnReady, on_exit: OnExit, started: Callable[[], None]) -> int:
        """One session from start to end. Raises LaunchError, or what `on_ready` raises: nothing is left behind then."""
        spec = self._spec
        _refuse_children()
        become_subreaper()
        with ExitStack() as stack:
            self._wake = stack.enter_context(wakeup.signals())
            self._container(stack)
            stdio = self._console.open(stack)
            child = launch.fork(spec, stdio, self._console.slave)
            self._reaper = Reaper(spec.session, child.pid)
            try:
                self._handle = self._hold_of(child.pid)
                on_ready(self._handle, self._seen(child.report))
            except BaseException:
                launch.abandon(child)
                raise
            try:
                self._begin(child)
            except LaunchError as error:
                on_exit(error.status, [], [])
                raise
            started()
            stack.callback(self._console.give_back)
            self._console.take()
            while self._reaper.status is None or ((spec.keep or self._stopping) and not self._alone):
                self._turn()
            left = self._finish()
            thrown = cage.thrown_away(spec.cage.folder) if spec.cage is not None else []
        on_exit(self._reaper.status, left, thrown)
        return self._reaper.status

    def _begin(self, child: launch.Waiting) -> None:
        """Let the agent's program start; a stop that comes just now is obeyed all the same. Raises LaunchError."""
        launch.let_go(child)
        self._starting = child.status
        while not launch.began(self._spec, child):
            self._turn()
        self._starting = None

    def _container(self, stack: ExitStack) -> None:
        """Make the leaf and the control socket; both go when the session ends, however it ends."""
        spec = self._spec
        try:
            if spec.cage is not None:
                stack.callback(cage.clear_away, spec.cage)
            if spec.cgroup:
                cgroup.create(spec.cgroup)
                stack.callback(cgroup.remove, spec.cgroup)
                stack.enter_context(orphans.own(spec.cgroup))
                cgroup.limit(spec.cgroup, spec.processes, spec.memory)
        except OSError as error:
            raise LaunchError(launch.NOT_SET_UP, f"cannot make the cgroup {spec.cgroup}: {error.strerror}") from error
        try:
            self._listener = stack.enter_context(control.listen(spec.control))
        except OSError as error:
            raise LaunchError(launch.NOT_SET_UP, f"cannot make the control socket {spec.control}: {error}") from error
        stack.callback(Path(spec.control).unlink, missing_ok=True)

    def _seen(self, report: Report) -> Report:
        """The canary's report, with what can only be seen from outside."""
        built = self._spec.cage
        if built is None or not built.checks.enforced:
            return report
        outside = [cage.witness_lives(built.folder)]
        return msgspec.structs.replace(report, broken=(*report.broken, *filter(None, outside)))

    def _hold_of(self, pid: int) -> Handle:
        spec = self._spec
        init = pidns.init_below(pid) if spec.cage is not None else None
        below = Rung.SUBREAPER if init is None else Rung.PIDNS
        return Handle(
            session=spec.session,
            name=spec.name,
            rung=Rung.CGROUP if spec.cgroup else below,
            root=processes.identify(pid),
            shim=processes.identify(os.getpid()),
            cgroup=spec.cgroup,
            control=spec.control,
            init=init,
            tag=spec.tag,
        )

    # --- one turn of the loop -------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait for something to happen and deal with it."""
        ready = self._wait()
        if ready.get(self._wake):
            self._take_signals()
        if ready.get(self._listener.fileno()):
            self._serve()
        if self._leash is not None and ready.get(self._leash, 0) & select.POLLHUP:
            self._leash = None
            self._kill()
        self._console.carry(ready)
        _, self._alone = self._reaper.reap()
        if self._kill_at is not None and not self._alone and time.monotonic() >= self._kill_at:
            self._end_grace()

    def _wait(self) -> dict[int, int]:
        wanted = {self._wake: select.POLLIN, self._listener.fileno(): select.POLLIN, **self._console.wanted()}
        if self._starting is not None:
            wanted[self._starting] = select.POLLIN
        if self._leash is not None:
            wanted.setdefault(self._leash, 0)  # that it is let go is told unasked
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        timeout = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic()) * 1000
        return dict(poll.poll(timeout))

    # --- signals --------------------------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._wake, 4096):
                self._take_signal(number)

    def _take_signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGHUP):
            self._hang_up(number)
        elif number in (signal.SIGINT, signal.SIGQUIT):
            self._signal_foreground(number)
        elif number == signal.SIGTSTP:
            self._console.suspend()
        elif number == signal.SIGCONT:
            self._console.take()
        elif number == signal.SIGWINCH:
            self._console.resize()
        elif number == signal.SIGCHLD and self._handle.rung in _NEVER_STOPPED and self._reaper.root_stopped():
            # We never stop it by signal there: it put itself to sleep (Ctrl-Z) and expects its shell to take over.
            self._console.suspend()
            self._signal_root(signal.SIGCONT)

    def _hang_up(self, number: int) -> None:
        if self._hung_up:
            return
        self._hung_up = True
        self._console.hang_up()
        self._signal_root(number)
        self._kill_at = time.monotonic() + HANGUP_GRACE

    def _end_grace(self) -> None:
        if self._spec.cgroup and cgroup.events(self._spec.cgroup).frozen:
            self._kill_at = time.monotonic() + HANGUP_GRACE  # a frozen session is never killed by a timer
        else:
            self._kill()

    def _signal_root(self, number: int) -> None:
        if self._handle.root is not None:
            _signal_group(self._handle.root.pid, number)

    def _signal_foreground(self, number: int) -> None:
        group = self._console.front()
        if group > 0:
            _signal_group(group, number)
        else:
            self._signal_root(number)

    # --- stopping -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        peer = control.serve_one(self._listener, self._handle, self._act)
        if peer is not None:
            self._waiting.append(peer)

    def _act(self, order: control.Order) -> StopResult | None:
        if order.act == "kill":
            return self._kill()
        if order.act == "stop":
            self._stopping = True  # also those who outlive the agent's first process
            sweep.terminate(hold.members(self._handle))
            self._kill_at = time.monotonic() + order.grace
            return None
        if order.act == "freeze":
            return hold.freeze(self._handle)
        if order.act == "thaw":
            return hold.thaw(self._handle)
        return StopResult(self._spec.session, "status", "", 0, why=f"{len(hold.members(self._handle))} processes")

    def _kill(self) -> StopResult:
        """Kill by cgroup, where there is one, and then every child and orphan, wherever it moved, until ECHILD."""
        leaf = self._spec.cgroup
        if not leaf:
            return self._reaper.kill_all(hold.KILL_WAIT)
        with suppress(OSError):
            cgroup.kill(leaf)
        result = self._reaper.kill_all(hold.KILL_WAIT)
        try:
            empty = cgroup.wait(leaf, lambda state: not state.populated, time.monotonic() + 0.1)
        except FileNotFoundError:
            return result  # somebody inside had removed it: that no child is left is all that the kernel says
        except OSError:
            empty = False
        proof = "cgroup populated 0" if empty and result.confirmed else ""
        return msgspec.structs.replace(result, proof=proof)

    def _finish(self) -> list[Survivor]:
        """The agent has ended: end what it left behind, show its last words. What was left, and what became of it."""
        left = {stat.pid: stat for stat in hold.members(self._handle) + processes.tree(os.getpid()) if not stat.dead}
        for own in (self._handle.root, self._handle.init):  # bwrap's, not the agent's
            if own is not None and self._spec.cage is not None:
                left.pop(own.pid, None)
        boot = processes.boot_id()
        result = self._kill()
        self._answer_all(result)
        self._console.drain()
        if not result.confirmed:
            return list(result.survivors or sweep.survivors(hold.members(self._handle)))
        return [Survivor(ProcessId(stat.pid, stat.start, boot), stat.name, "left behind: killed") for stat in left.values()]

    def _answer_all(self, result: StopResult) -> None:
        """Tell everybody who waits, and who asked while the session was ending, how it ended."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while poll.poll(0):
            peer = control.serve_one(self._listener, self._handle, lambda _order: result)
            if peer is not None:
                self._waiting.append(peer)
        for peer in self._waiting:
            control.finish(peer, result)


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _refuse_children() -> None:
    """A child from before would be killed with the session, and ECHILD would wait for it."""
    others = [pid for pid in processes.children(os.getpid()) if (stat := processes.read_stat(pid)) and not stat.dead]
    if others:
        raise LaunchError(launch.NOT_SET_UP, f"this process already has children ({others[0]}), so it cannot hold an agent")
