"""Text for a shell in which another program puts names: xargs -I{} sh -c '... {} ...', find -exec sh -c '... {} ...'."""

from collections.abc import Sequence

from controlroom.policy.shell.arg import Arg

ITEM = "__item"  # the variable that stands for such a name
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")


def runs_text(command: Sequence[Arg]) -> bool:
    """Whether a command is a shell that is given text."""
    name = command[0].text.rsplit("/", 1)[-1] if command else ""
    return name in _SHELLS and len(command) > 2 and command[1].text in ("-c", "-lc", "-ec", "-exc", "-xc", "-euc")


def itemised(text: Arg, place: str) -> Arg:
    """The text with a variable for every place, as if the name came in by it; not certain where single quotes hold a place."""
    if place not in text.text or not text.certain:
        return text
    variable = f"${{{ITEM}}}"
    whole = text.text.replace(f"'{place}'", f'"{variable}"')
    parts = whole.split(place)
    if any(before.count("'") % 2 for before in ("".join(parts[: index + 1]) for index in range(len(parts) - 1))):
        return Arg(text.text, certain=False, stem=text.text.split(place)[0])
    return Arg(variable.join(parts))
