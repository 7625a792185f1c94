"""A change of a file's text: the diff for the operator's eye, and whether what comes out still parses."""

import difflib
import tomllib

import msgspec

from controlroom.policy.ledger import Ledger
from controlroom.policy.limits import MAX_DIFF
from controlroom.policy.tree import Tree


def show(ledger: Ledger, tree: Tree, path: str, new: str) -> None:
    """Put the diff from what is at `path` to `new` into the ledger, and why `new` does not parse."""
    raw = tree.read(path, MAX_DIFF + 1)
    invalid = check(path, new)
    if invalid:
        ledger.invalid = "\n".join(filter(None, (ledger.invalid, invalid)))
    if (raw is not None and len(raw) > MAX_DIFF) or len(new) > MAX_DIFF:
        ledger.diff += f"--- {path}\n+++ {path}\n(over {MAX_DIFF} bytes: no diff is made)\n"
        return
    old = (raw or b"").decode("utf-8", "backslashreplace")
    lines = difflib.unified_diff(_lines(old), _lines(new), path if raw is not None else "/dev/null", path)
    ledger.diff += "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines as git counts them: only at a line feed."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def check(path: str, text: str) -> str:
    """Why a JSON, TOML or YAML file would not parse, "" where it does or is of another kind."""
    name = path.rsplit("/", 1)[-1].lower()
    try:
        if name.endswith(".json"):
            msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yaml", ".yml")):
            return _yaml(path, text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"{path}: {error}"
    return ""


def _yaml(path: str, text: str) -> str:
    """No YAML reader is on board: only what is wrong in every YAML text is found, the rest is said to be unchecked."""
    for number, line in enumerate(text.split("\n"), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            return f"{path}:{number}: a tab in the indentation"
    return f"{path}: YAML, not checked"
