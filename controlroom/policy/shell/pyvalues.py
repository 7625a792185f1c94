"""What a Python expression surely is, as far as paths and texts go: constants, joins, `Path`, loops over what is named."""

import ast
import fnmatch
import posixpath
import re
from collections.abc import Callable

import msgspec

from controlroom.policy.paths import MINTED

MOST = 64  # values one expression may have
_DEEP = 24  # expressions inside expressions
_BUDGET = 20_000  # expressions looked at for one text; what is over it is not known
_TEMPORARY = {
    "tempfile.mkdtemp",
    "tempfile.TemporaryDirectory",
    "tempfile.mktemp",
    "tempfile.mkstemp",
    "tempfile.NamedTemporaryFile",
}
_SAME = {"str", "os.fspath", "os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expandvars"}


class Value(msgspec.Struct, frozen=True):
    """A text that an expression may be. `bounded`: something below this folder; `only`: an expression its path has.

    `name`: one name in a folder, without a slash, whatever it is.
    """

    text: str
    bounded: bool = False
    only: str = ""
    name: bool = False


Values = tuple[Value, ...] | None
_NAME = (Value("", name=True),)
_How = Callable[[Value, Value], Value]


class Names:
    """What the names of a module mean: imports, and the values assigned to them anywhere in it."""

    def __init__(self, tree: ast.AST, home: str) -> None:
        self._home = home
        self.modules: dict[str, str] = {}
        self.stars: list[str] = []
        self._given: dict[str, list[ast.expr | None]] = {}
        self._known: dict[str, Values] = {}  # names already looked up; None also while it is being done
        self._budget = _BUDGET
        for node in ast.walk(tree):
            self._take(node)

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(node.module or "")
                else:
                    self.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._bind(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            self._bind(node.target, None)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            self._loop(node.target, node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                self._given.setdefault(arg.arg, []).append(None)

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._given.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Call) and self.dotted(value.func) == "tempfile.mkstemp":  # a descriptor and a name
                self._bind(target.elts[-1], value)
                return
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
            for index, part in enumerate(target.elts):
                self._bind(part, parts[index] if parts else None)

    def _loop(self, target: ast.expr, over: ast.expr) -> None:
        if isinstance(over, ast.List | ast.Tuple | ast.Set):
            for item in over.elts:
                self._bind(target, item)
        elif isinstance(over, ast.Call) and self.dotted(over.func) == "os.walk" and isinstance(target, ast.Tuple):
            for part, value in zip(target.elts, (over, None, None), strict=False):
                self._bind(part, value)
        elif isinstance(over, ast.Call) and self.dotted(over.func) in ("sorted", "list", "reversed", "set") and over.args:
            self._loop(target, over.args[0])
        else:
            self._bind(target, over)

    def dotted(self, node: ast.expr) -> str:
        """The full name of a function or module through imports, "" where it is no plain name."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Call):
            called = self.dotted(node.func)
            if called in ("__import__", "importlib.import_module") and (name := self.text(node.args[0] if node.args else None)):
                return name
            if called == "getattr" and len(node.args) >= 2 and (name := self.text(node.args[1])):
                base = self.dotted(node.args[0])
                return f"{base}.{name}" if base else ""
        return ""

    def text(self, node: ast.expr | None) -> str | None:
        """The one text that an expression surely is."""
        found = self.values(node) if node is not None else None
        return found[0].text if found and len(found) == 1 and not (found[0].bounded or found[0].name) else None

    def values(self, node: ast.expr, depth: int = 0) -> Values:
        """What an expression may be, None where that is not known."""
        self._budget -= 1
        if depth > _DEEP or self._budget < 0:
            return None
        found = self._values(node, depth + 1)
        return found if found is None or 0 < len(found) <= MOST else None

    def _values(self, node: ast.expr, depth: int) -> Values:
        if isinstance(node, ast.Constant):
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            return (Value(text),) if isinstance(text, str) else None
        if isinstance(node, ast.Name):
            return self._name(node.id, depth)
        if isinstance(node, ast.JoinedStr):
            return self._product(
                [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values], depth, _plus
            )
        if isinstance(node, ast.BinOp):
            how = _plus if isinstance(node.op, ast.Add) else _join if isinstance(node.op, ast.Div) else None
            return self._product([node.left, node.right], depth, how) if how else None
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            inner = self.values(node.value, depth)
            return None if inner is None else tuple(Value(posixpath.dirname(v.text) or ".", v.bounded) for v in inner)
        if isinstance(node, ast.Attribute) and node.attr == "name" and isinstance(node.value, ast.Name):
            return self._name(node.value.id, depth)  # the name of a temporary file
        if isinstance(node, ast.IfExp):
            first, second = self.values(node.body, depth), self.values(node.orelse, depth)
            return None if first is None or second is None else first + second
        return None

    def _name(self, name: str, depth: int) -> Values:
        if self.modules.get(name) == "os.sep":
            return (Value("/"),)
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._union(self._given.get(name, [None]), depth)
        return self._known[name]

    def _union(self, given: list[ast.expr | None], depth: int) -> Values:
        found: dict[Value, None] = {}
        for one in given:
            values = self.values(one, depth) if one is not None else None
            if values is None or len(found) > MOST:
                return None
            found.update(dict.fromkeys(values))
        return tuple(found)

    def _product(self, parts: "list[ast.expr]", depth: int, how: _How) -> Values:
        found: Values = None
        for part in parts:
            values = self.values(part, depth)
            if values is None and found and all(v.bounded for v in found) and _names_one(part):
                values = _NAME
            if values is None or (found and len(found) * len(values) > MOST):
                return None
            found = values if found is None else tuple(dict.fromkeys(how(a, b) for a in found for b in values))
        return found

    def _call(self, node: ast.Call, depth: int) -> Values:
        called = self.dotted(node.func)
        short = called.rsplit(".", 1)[-1]
        if called in _TEMPORARY:
            return (Value(MINTED),)
        if called in ("os.path.join", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "Path"):
            return self._product(node.args, depth, _join) if node.args else (Value("."),)
        if called in _SAME and node.args:
            return self.values(node.args[0], depth)
        if called in ("os.path.expanduser",) and node.args:
            inner = self.values(node.args[0], depth)
            return None if inner is None else tuple(self._expanded(v) for v in inner)
        if called in ("pathlib.Path.home", "Path.home"):
            return (Value(self._home),)
        if called in ("os.getcwd", "pathlib.Path.cwd", "Path.cwd"):
            return (Value("."),)
        if called in ("os.walk", "os.scandir") and node.args:
            return _below(self.values(node.args[0], depth), "")
        if called == "os.listdir":
            return _NAME
        if called in ("glob.glob", "glob.iglob") and node.args:
            inner = self.values(node.args[0], depth)
            return None if inner is None else tuple(_globbed(v.text) for v in inner)
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, short, depth)
        return None

    def _method(self, node: ast.Call, func: ast.Attribute, short: str, depth: int) -> Values:
        own = self.values(func.value, depth)
        if func.attr in ("rglob", "glob", "iterdir"):
            pattern = self.text(node.args[0]) if node.args else ""
            return _below(own, pattern or "")
        if own is None:
            return None
        if func.attr in ("resolve", "absolute", "strip", "rstrip", "as_posix", "__enter__"):
            return own
        if func.attr == "expanduser":
            return tuple(self._expanded(v) for v in own)
        if func.attr == "joinpath":
            return self._product([func.value, *node.args], depth, _join)
        if func.attr in ("with_suffix", "with_name") and all(v.bounded for v in own):
            return tuple(Value(v.text, bounded=True) for v in own)
        if func.attr == "with_suffix" and (suffix := self.text(node.args[0]) if node.args else None) is not None:
            return tuple(Value(posixpath.splitext(v.text)[0] + suffix) for v in own)
        return None

    def _expanded(self, value: Value) -> Value:
        text = value.text
        return Value(self._home + text[1:], value.bounded, value.only) if text == "~" or text.startswith("~/") else value


def _names_one(part: ast.expr) -> bool:
    """Whether an unknown part may stand for the name of an entry, as in `os.path.join(root, name)` below `os.walk`."""
    return isinstance(part, ast.Name)


def _plus(a: Value, b: Value) -> Value:
    return Value(a.text + b.text, a.bounded, "", a.name or b.name) if not a.bounded else Value(a.text, bounded=True)


def _join(a: Value, b: Value) -> Value:
    if b.name or a.bounded:
        outside = b.text.startswith("/") or ".." in b.text
        return Value(b.text if outside and not b.name else a.text, bounded=not outside or b.name)
    return Value(posixpath.join(a.text, b.text), b.bounded, b.only)


def _below(own: Values, pattern: str) -> Values:
    """Something below known folders, by a pattern on its name."""
    if own is None or ".." in pattern or pattern.startswith("/"):
        return None
    last = pattern.rsplit("/", 1)[-1]
    only = "/" + fnmatch.translate(last).removesuffix(")\\Z") + ")\\Z" if last.strip("*") else ""
    return tuple(Value(v.text, bounded=True, only=only) for v in own)


def _globbed(text: str) -> Value:
    stem = re.split(r"[*?\[]", text)[0]
    if stem == text:
        return Value(text)
    folder = stem.rsplit("/", 1)[0] or "/" if "/" in stem else "."
    return (_below((Value(folder),), text[len(folder) :].lstrip("/")) or (Value(folder, bounded=True),))[0]
