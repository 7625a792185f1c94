"""What the shell knows at a point of a command line: folder, variables, functions, aliases."""

from collections.abc import Iterable

from tree_sitter import Node

from controlroom.policy.shell.arg import Arg


class Env:
    """Mutable while a script is walked; `fork` for what cannot reach back, `meet` where two ways join."""

    def __init__(self, home: str, cwd: str | None) -> None:
        self.home = home
        self.cwd = cwd
        self.vars: dict[str, tuple[str, ...] | None] = {"HOME": (home,)}
        self.arrays: set[str] = set()
        self.bounds: dict[str, tuple[Arg, ...]] = {}  # unknown variables that hold a name of a file like one of these
        self.sources: dict[str, str] = {}  # variables whose value is not known: the text that it is computed from
        self.functions: dict[str, Node] = {}
        self.aliases: dict[str, str | None] = {}
        self.odd_split = False  # IFS was changed: unquoted expansions split nobody knows how
        self.previous: str | None = None
        self.left = False  # the script ends here (exit, return) on this way

    def fork(self) -> "Env":
        """A copy for a subshell or a branch."""
        twin = Env(self.home, self.cwd)
        twin.vars = dict(self.vars)
        twin.arrays = set(self.arrays)
        twin.bounds = dict(self.bounds)
        twin.sources = dict(self.sources)
        twin.functions = dict(self.functions)
        twin.aliases = dict(self.aliases)
        twin.odd_split = self.odd_split
        twin.previous = self.previous
        return twin

    def meet(self, others: "Iterable[Env]") -> None:
        """Keep only what is the same on every way here; ways that left the script do not count."""
        for other in others:
            if other.left:
                continue
            if other.cwd != self.cwd:
                self.cwd = None
            for name in self.vars.keys() | other.vars.keys():
                if self.vars.get(name) != other.vars.get(name):
                    self.vars[name] = None
            self.arrays |= other.arrays
            self.bounds = {name: args for name, args in self.bounds.items() if other.bounds.get(name) == args}
            self.sources.update(other.sources)
            self.functions.update(other.functions)
            self.aliases.update(other.aliases)
            self.odd_split |= other.odd_split

    def adopt(self, other: "Env") -> None:
        """Become `other` (the way that was surely taken)."""
        self.cwd, self.vars, self.arrays, self.bounds = other.cwd, other.vars, other.arrays, other.bounds
        self.sources, self.functions, self.aliases = other.sources, other.functions, other.aliases
        self.odd_split = other.odd_split
        self.previous, self.left = other.previous, other.left

    def get(self, name: str) -> tuple[str, ...] | None:
        """The values a variable may have, None when they are not known."""
        if name == "PWD" and "PWD" not in self.vars:
            return (self.cwd,) if self.cwd else None
        return self.vars.get(name)

    def put(self, name: str, values: tuple[str, ...] | None, *, array: bool = False) -> None:
        """Set a variable to what it may be."""
        if name == "IFS":
            self.odd_split = True
        self.vars[name] = values
        self.bounds.pop(name, None)
        self.sources.pop(name, None)
        if name == "HOME":
            self.home = values[0] if values and len(values) == 1 else "\0"
        if array:
            self.arrays.add(name)
        else:
            self.arrays.discard(name)

    def is_array(self, name: str) -> bool:
        """Whether a variable holds an array (its plain name then means the first member)."""
        return name in self.arrays
