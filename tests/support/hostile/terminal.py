"""An operator's terminal: a pty with an interactive shell on it, typed into and read like a person would."""

import os
import pty
import select
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from controlroom.containment.pty import set_size


class Terminal:
    """The far side of the operator's pty."""

    def __init__(self, master: int, shell: int) -> None:
        self.master = master
        self.shell = shell
        self._seen = b""

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self.master, text.encode())

    def expect(self, text: str, seconds: float = 10) -> str:
        """Wait until this is on screen; what came up to and with it is taken away."""
        wanted = text.encode()
        deadline = time.monotonic() + seconds
        while wanted not in self._seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} never came, but {self._seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self._seen += os.read(self.master, 65536)
        before, _, self._seen = self._seen.partition(wanted)
        return (before + wanted).decode()

    def run(self, argv: list[str]) -> None:
        """Type a command line."""
        self.type(shlex.join(argv) + "\n")

    def resize(self, rows: int, columns: int) -> None:
        """Change the window."""
        set_size(self.master, (rows, columns))

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self.master)
        self.master = -1


@contextmanager
def open_terminal(folder: str, prompt: str = "outer$ ") -> Iterator[Terminal]:
    """A terminal of 30 rows and 90 columns with bash on it; killed at the end."""
    shell, master = pty.fork()
    if shell == 0:
        os.chdir(folder)
        env = {"PATH": os.environ["PATH"], "PS1": prompt, "TERM": "dumb", "HISTFILE": "", "HOME": folder}
        os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], env)
    terminal = Terminal(master, shell)
    try:
        set_size(master, (30, 90))
        terminal.expect(prompt)
        yield terminal
    finally:
        with suppress(ProcessLookupError):
            os.kill(shell, signal.SIGKILL)
        os.waitpid(shell, 0)
        if terminal.master >= 0:
            terminal.hang_up()
