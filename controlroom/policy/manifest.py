"""The never-touch manifest: gitignore patterns, one a line, `read:` in front where reading is forbidden too."""

import msgspec
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError


class ManifestError(ValueError):
    """A manifest that cannot be used, with its source and line."""


class Manifest(msgspec.Struct, frozen=True):
    """Patterns of what must never be written, removed or changed, and of what must not be read either.

    `base` is the folder that anchored patterns are seen from. `broken` says why the manifest cannot be trusted ("" = it
    can): then every write outside T0 is denied (N11); the patterns are those of the last good one.
    """

    source: str = ""
    base: str = "/"
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    broken: str = ""

    @classmethod
    def parse(cls, text: str, source: str, base: str = "/", *, strengthen_only: bool = False) -> "Manifest":
        """Read a manifest. Raises ManifestError naming source and line.

        `strengthen_only` (a workspace's own list) leaves negations out: nothing there can free anything.
        """
        write: list[str] = []
        read: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            into = write
            pattern = line
            if line.startswith("read:"):
                into, pattern = read, line[5:].lstrip()
            if not pattern.strip() or pattern.startswith("#"):
                continue
            if "\x00" in pattern:
                raise ManifestError(f"{source}:{number}: NUL in a pattern; write the path without it")
            if pattern.startswith("!") and strengthen_only:
                continue
            _check(pattern, source, number)
            into.append(pattern)
        return cls(source=source, base=base, write=tuple(write), read=tuple(read))


def _check(pattern: str, source: str, number: int) -> None:
    try:
        GitIgnoreSpec.from_lines([pattern])
    except GitIgnorePatternError as error:
        raise ManifestError(f"{source}:{number}: {pattern!r} is no gitignore pattern: {error}") from error
