"""Programs that print names of files below known folders, so that what xargs gets is not just anything."""

import fnmatch
import re

from controlroom.policy.shell.arg import Arg

_KEEP = {"grep", "sort", "uniq", "head", "tail", "egrep", "tac", "shuf"}  # filters that change no name
_GIT = {"ls-files", "grep", "diff"}
_VISIBLE = r"^(?!.*/\.(git|claude|codex|gemini|mcp)\b)"  # what rg, fd and git do not list without being told to


def printed(args: tuple[Arg, ...], before: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """What the lines are that a command prints: names below folders, () when that is not known.

    `before`: what its own input is.
    """
    if not args or not all(arg.certain for arg in args):
        return ()
    name, rest = args[0].text.rsplit("/", 1)[-1], [arg.text for arg in args[1:]]
    options = [text for text in rest if text.startswith("-")]
    operands = [text for text in rest if not text.startswith("-")]
    if name in _KEEP and before and len(operands) <= 1 and not any("r" in o.lstrip("-")[:3] for o in options):
        return before
    if any(text.startswith(("/", "~")) or ".." in text for text in operands):
        return ()
    if name == "git" and operands[:1] and operands[0] in _GIT and not {"-C", "--git-dir", "--work-tree"} & set(options):
        globs = [text for text in operands[1:] if re.fullmatch(r"\*\.\w+", text)]
        return (_below(".", globs),) if operands[0] != "diff" or "--name-only" in options else ()
    hidden = any(o.startswith(("--hidden", "--no-ignore", "-u", "-H", "-I")) or o == "-." for o in options)
    if name == "rg" and not hidden and any(o in ("-l", "--files", "--files-with-matches") or "l" in o[1:3] for o in options):
        return (_below(".", []),)
    if name in ("fd", "fdfind") and not hidden:
        return (_below(".", []),)
    return _found(rest) if name == "find" else _grepped(options, operands) if name == "grep" else ()


def _below(folder: str, globs: list[str]) -> Arg:
    only = "/(?s:" + fnmatch.translate(globs[0]).removeprefix("(?s:") if len(globs) == 1 else _VISIBLE
    return Arg("{}", certain=False, stem=folder, bounded=True, only=only)


def _found(rest: list[str]) -> tuple[Arg, ...]:
    """`find FOLDER.. -name GLOB` with tests only."""
    starts = []
    for text in rest:
        if text.startswith(("-", "(", "!")):
            break
        starts.append(text)
    if any(text in ("-o", "!", "-not", "(", "-L", "-follow", "-printf") for text in rest):
        return ()
    globs = [rest[index + 1] for index, text in enumerate(rest[:-1]) if text == "-name"]
    plain = [text for text in starts if text.strip("./")]
    if globs:
        return tuple(_below(start, globs[:1]) for start in starts or ["."])
    return tuple(Arg("{}", certain=False, stem=text, bounded=True) for text in plain) if len(plain) == len(starts) else ()


def _grepped(options: list[str], operands: list[str]) -> tuple[Arg, ...]:
    """`grep -rl WORD FOLDER..`: not the whole workspace, where `.git` is."""
    if not any(re.fullmatch(r"-\w*l\w*|--files-with-matches", option) for option in options):
        return ()
    folders = operands[1:]
    included = [option.split("=", 1)[1] for option in options if option.startswith("--include=")]
    if len(included) == 1:
        return tuple(_below(folder, included) for folder in folders or ["."])
    plain = bool(folders) and all(folder.strip("./") for folder in folders)
    return tuple(Arg("{}", certain=False, stem=folder, bounded=True) for folder in folders) if plain else ()
