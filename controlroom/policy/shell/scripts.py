"""What `make TARGET` and `npm run NAME` would run, read from the project's own files where that can be done."""

import re

import msgspec

_MOST = 32  # targets and scripts followed from one
_TARGET = re.compile(r"^([^\s:#=][^:#=]*?)\s*::?(?!=)\s*([^#;\n]*)(?:;([^\n]*))?$", re.M)
_VARIABLE = re.compile(r"^(?:export\s+|override\s+)?([A-Za-z_]\w*)\s*[:?]?=\s*(.*)$", re.M)


def make(text: str, targets: list[str], given: dict[str, str]) -> list[str] | None:
    """The recipe lines of targets and of what they need, as shell text; None when a target is not there."""
    joined = text.replace("\\\n", " ")
    variables = {name: value.strip() for name, value in _VARIABLE.findall(joined)} | given
    rules: dict[str, tuple[list[str], list[str]]] = {}
    first = ""
    current: list[list[str]] = []
    for line in joined.split("\n"):
        if line.startswith("\t"):
            for recipe in current:
                recipe.append(line.strip())
            continue
        found = _TARGET.match(line)
        if found is None:
            current = [] if line.strip() and not line.startswith("#") else current
            continue
        current = []
        for name in _expanded(found[1], variables).split():
            needs, recipe = rules.setdefault(name, ([], []))
            needs += _expanded(found[2], variables).split()
            recipe += [found[3].strip()] if found[3] else []
            current.append(recipe)
            first = first or ("" if name.startswith(".") else name)
    found_lines: list[str] = []
    todo, done = list(targets or [first]), set[str]()
    if any(name not in rules for name in todo):
        return None
    while todo and len(done) < _MOST:
        name = todo.pop(0)
        if name in done or name not in rules:
            continue
        done.add(name)
        todo += rules[name][0]
        found_lines += [_expanded(line.lstrip("@-+ "), variables) for line in rules[name][1]]
    return found_lines


def _expanded(text: str, variables: dict[str, str], depth: int = 0) -> str:
    """make's variables put in; what is not known becomes a variable that the shell does not know either."""
    if depth > 8 or "$" not in text or len(text) > 65_536:
        return text.replace("$$", "$")

    def put(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name = (found[1] or found[2] or found[3]).strip()
        return _expanded(variables[name], variables, depth + 1) if name in variables else "$__make"

    return re.sub(r"\$\$|\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)|\$\{([^{}]*)\}|\$(.)", put, text)


def npm(text: bytes, name: str) -> list[str] | None:
    """The commands of a package's script with what runs before and after it; None when it has no such script."""
    try:
        scripts = msgspec.json.decode(text, type=_Package).scripts
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [scripts[key] for key in (f"pre{name}", name, f"post{name}") if key in scripts] if name in scripts else None


class _Package(msgspec.Struct):
    scripts: dict[str, str] = {}
