"""Command lines split into options and operands, given which options take a value."""

from collections.abc import Iterable

import msgspec

from controlroom.policy.shell.arg import Arg


class Parsed(msgspec.Struct, frozen=True):
    """`options`: name to values (None = given without one). `operands`: the rest; `after`: index of the first operand.

    `doubtful[i]`: operand i may be the value of an option that nobody told us about. `strange`: unknown options.
    """

    options: dict[str, list[Arg | None]]
    operands: tuple[Arg, ...]
    doubtful: tuple[bool, ...]
    after: int
    strange: tuple[str, ...]
    hazy: bool


def parse(
    args: tuple[Arg, ...],
    values: Iterable[str],
    flags: frozenset[str] | None = None,
    *,
    leading: bool = False,
    bare: frozenset[str] = frozenset(),
) -> Parsed:
    """Split `args`. `leading`: options end at the first operand. `flags` None: any option is known; `bare` take no value."""
    state = _State(frozenset(values), flags)
    at = 0
    while at < len(args):
        token = args[at]
        text = token.text if token.certain else token.stem
        if token.certain and text == "--":
            state.operands += [(arg, False) for arg in args[at + 1 :]]
            return state.done(at + 1)
        if not text.startswith("-") or text == "-":
            if leading:
                return state.done(at)
            state.operands.append((token, state.loose))
            state.hazy |= not token.certain and not text and not token.plain
            state.loose = False
            at += 1
            continue
        state.hazy |= not token.certain
        following = args[at + 1] if at + 1 < len(args) else None
        at += 2 if state.option(text, following) else 1
        state.loose = state.loose and text not in bare
    return state.done(len(args))


class _State:
    def __init__(self, values: frozenset[str], flags: frozenset[str] | None) -> None:
        self.values = values
        self.flags = flags
        self.options: dict[str, list[Arg | None]] = {}
        self.operands: list[tuple[Arg, bool]] = []
        self.strange: list[str] = []
        self.loose = False
        self.hazy = False

    def put(self, name: str, value: Arg | None) -> None:
        self.options.setdefault(name, []).append(value)
        if self.flags is not None and name not in self.values and name not in self.flags:
            self.strange.append(name)

    def option(self, text: str, following: Arg | None) -> bool:
        """Take one option token; True when the following token was its value."""
        self.loose = False
        name, equals, value = text.partition("=")
        if equals and (text.startswith("--") or name in self.values):
            self.put(name, Arg(value))
            return False
        if text in self.values:
            self.put(text, following)
            return following is not None
        if text.startswith("--") or (self.flags is not None and text in self.flags):
            self.put(text, None)
            self.loose = True
            return False
        self.put(text, None) if len(text) > 2 and self.flags is None else None
        for index in range(1, len(text)):
            short = "-" + text[index]
            if short in self.values:
                rest = text[index + 1 :]
                self.put(short, Arg(rest) if rest else following)
                return not rest and following is not None
            self.put(short, None)
        self.loose = True
        return False

    def done(self, after: int) -> Parsed:
        return Parsed(
            self.options,
            tuple(arg for arg, _ in self.operands),
            tuple(loose for _, loose in self.operands),
            after,
            tuple(self.strange),
            self.hazy,
        )
