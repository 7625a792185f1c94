"""Who tries to break the room: random keys, pastes, mouse, bytes and sizes on a real terminal, and the daemon killed beneath.

The same seed makes the same choices. What the room answers is its own business; what must hold after every one of them is said
in `Breaker.look`: it runs, it sends nothing but what a terminal knows, and it comes back to a screen that shows the stop key.
"""

import contextlib
import random
import time
from collections.abc import Callable

from controlroom.client.rpc import RpcError
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.seat import PATIENCE
from tests.support.terminal import Terminal

KEYS = (  # all but q, which leaves
    *"aAdDgvnNprxXuRfjk?/123456 ys+-",
    "\x1c", "\x0b", "\x10", "\x1b", "\r", "\t", "\x7f", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D",
    "\x1b[H", "\x1b[F", "\x1b[5~", "\x1b[6~", "\x1b[Z", "\x1b[24~", "\x1b[I", "\x1b[O", "\x03", "\x1a", "\x11", "\x13",
)  # fmt: skip
SIZES = ((1, 1), (2, 1), (1, 40), (20, 5), (19, 40), (40, 12), (80, 24), (120, 2), (120, 40), (200, 60))
TEXTS = (
    "make ky\n", "a\na\n", "\x1b]0;t\x07", "[bold]x[/", "‮gpj.\u200b", "x" * 5000, "ünï", "é́́́́", "\x1b[201~A", "\x00\x01\x9b31m",
)  # fmt: skip
BYTES = (
    b"\xff\xfe\x80", b"\x1b[", b"\x1b]52;c;?\x07", b"\x1b[?2026;2$y", b"\x1bP1$r\x1b\\", b"\x1b[<0;0;0M", b"\x1b[48;1;1;1;1t",
    b"\xe2\x82",
)  # fmt: skip
CALLS = ("rm -rf build", "echo \x1b]0;x\x07", "printf '[/bold]'; rm old", "git push --force", "ls", "echo ‮x > ~/.bashrc")


class Broken(AssertionError):
    """The room did what it must never do. The text has the seed and the last choices."""


class Breaker:
    """One seed's choices on one seat. `log` holds what was done."""

    def __init__(self, seed: int, home: Home, daemon: Daemon) -> None:
        self.dice = random.Random(seed)
        self.seed, self.home, self.daemon = seed, home, daemon
        self.log: list[str] = []
        self._acts: tuple[tuple[int, Callable[[Terminal], str]], ...] = (
            (40, self._key), (8, self._burst), (6, self._resize), (5, self._paste), (6, self._mouse), (5, self._bytes),
            (3, self._theme), (6, self._ask), (2, self._restart), (2, self._stall), (2, self._reset),
        )  # fmt: skip

    def step(self, seat: Terminal) -> None:
        """One choice, carried out, and a glance at the room."""
        weights, acts = zip(*self._acts, strict=True)
        [act] = self.dice.choices(acts, weights)
        self.log.append(act(seat))
        seat.read(self.dice.choice((0, 0, 0.01, 0.05)))
        self._runs(seat)

    def look(self, seat: Terminal) -> None:
        """The room runs, sent nothing foreign, and at a common size shows what stops everything."""
        seat.resize(*self.dice.choice(((80, 24), (120, 40), (20, 5))))
        end = time.monotonic() + PATIENCE
        while "STOP" not in seat.screen.text:
            seat.read(0.05)
            self._runs(seat)
            if time.monotonic() > end:
                raise Broken(self.story(f"no stop key on screen within {PATIENCE:g} s", seat))
        if seat.screen.foreign:
            raise Broken(self.story(f"it sent {seat.screen.foreign[:5]}", seat))

    def story(self, what: str, seat: Terminal) -> str:
        """What went wrong, after what, and what was on screen."""
        last = "\n".join(self.log[-40:])
        screen = f"on screen:\n{seat.screen.text}\nlast output:\n{seat.output[-3000:]!r}"
        return f"seed {self.seed}, step {len(self.log)}: {what}\n{last}\n{screen}"

    def _runs(self, seat: Terminal) -> None:
        code = seat.process.poll()
        if code is not None:
            while seat.read(0.05):
                pass
            raise Broken(self.story(f"the room ended with exit code {code}", seat))

    # Hands

    def _key(self, seat: Terminal) -> str:
        key = self.dice.choice(KEYS)
        seat.type(key)
        return f"key {key!r}"

    def _burst(self, seat: Terminal) -> str:
        keys = "".join(self.dice.choice(KEYS) for _ in range(self.dice.randint(2, 30)))
        seat.type(keys)
        return f"keys at once {keys!r}"

    def _resize(self, seat: Terminal) -> str:
        sizes = [self.dice.choice(SIZES) for _ in range(self.dice.choice((1, 1, 5)))]
        for size in sizes:
            seat.resize(*size)
            seat.read(0)
        return f"sizes {sizes}"

    def _paste(self, seat: Terminal) -> str:
        text = self.dice.choice(TEXTS)
        seat.paste(text)
        return f"paste {text[:40]!r}"

    def _mouse(self, seat: Terminal) -> str:
        button, end = self.dice.choice((0, 1, 2, 32, 35, 64, 65)), self.dice.choice("Mm")
        what = f"\x1b[<{button};{self.dice.randint(1, 210)};{self.dice.randint(1, 65)}{end}"
        seat.type(what)
        return f"mouse {what!r}"

    def _bytes(self, seat: Terminal) -> str:
        data = self.dice.choice(BYTES)
        seat.type(data)
        return f"bytes {data!r}"

    def _theme(self, seat: Terminal) -> str:
        seat.type("\x1b")
        seat.read(0.05)
        seat.type("\x10")
        seat.read(0.05)
        seat.type("theme")
        seat.read(0.05)
        seat.type("\r")
        return "the next theme"

    def _stall(self, seat: Terminal) -> str:
        time.sleep(0.3)
        return "nobody reads the terminal for a while"

    # The world beneath

    def _ask(self, seat: Terminal) -> str:
        command = self.dice.choice(CALLS)
        with contextlib.suppress(OSError):  # no daemon, or it is just going
            self.daemon.bash(command, call=f"toolu_{len(self.log)}", says=self.dice.choice(TEXTS))
        return f"call {command!r}"

    def _restart(self, seat: Terminal) -> str:
        if self.daemon.process.poll() is not None:
            self.daemon.process = daemons.launch(self.home)
            return "a daemon starts"
        self.daemon.kill()
        return "the daemon is killed"

    def _reset(self, seat: Terminal) -> str:
        return self.reset()

    def reset(self) -> str:
        """Whatever stop was pulled is ended, so that requests wait again."""
        with contextlib.suppress(RpcError), self.daemon.operator() as operator:  # no daemon, or it is just going
            if stop_id := operator.call("status").get("stop_id"):
                operator.call("reset", stop_id=stop_id)
                return f"reset of {stop_id}"
        return "no reset"
