"""Python code read as Python: which calls write, delete, run or send, and on what. Nothing is executed."""

import ast
import re
import warnings

import msgspec

from controlroom.policy.shell.pyvalues import Names, Value, Values

_DELETE = {"os.remove", "os.unlink", "os.rmdir", "os.removedirs", "shutil.rmtree", "send2trash.send2trash", "send2trash"}
_WRITE = {"os.truncate": 0, "shutil.copy": 1, "shutil.copy2": 1, "shutil.copyfile": 1, "shutil.copytree": 1, "os.mkfifo": 0}
_MOVE = {"os.rename", "os.replace", "os.renames", "shutil.move"}
_LINK = {"os.symlink", "os.link"}
_CREATE = {"os.mkdir", "os.makedirs"}
_META = {"os.chmod", "os.chown", "os.lchown", "os.utime", "shutil.chown", "os.setxattr", "os.removexattr"}
_OPEN = {"open", "io.open", "codecs.open", "zipfile.ZipFile", "tarfile.open", "gzip.open", "bz2.open", "lzma.open"}
_SHELL = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"}
_ARGV = {
    "subprocess.run",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.Popen",
    "pty.spawn",
}
_RUNS = re.compile(
    r"get_ipython|os\.(exec|spawn|posix_spawn|fork)\w*|asyncio\.create_subprocess_exec|pty\.fork|runpy\.\w+|pexpect\.\w+|sh\.\w+"
)
_HIDDEN = re.compile(
    r"(ctypes|cffi|marshal|pickle|dill|operator\.(methodcaller|attrgetter)|code\.Interactive\w*)\b.*|sys\.modules\b.*"
)
_INNARDS = {
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__dict__",
    "__code__",
    "__loader__",
    "__getattribute__",
    "__bases__",
}
_KILL = re.compile(r"os\.(kill|killpg|reboot)|signal\.(pthread_kill|raise_signal)")
_SEND = re.compile(
    r"(requests|httpx|aiohttp|urllib3)\.\w*(post|put|patch|delete)|(smtplib|ftplib|paramiko|telnetlib|fabric|boto3\.resource)\.\w+"
)
_REQUEST = {"requests.request", "httpx.request", "httpx.stream", "urllib3.request"}
_DELETING = re.compile(
    r"(delete|terminate|drop|purge|destroy)_\w+|flushall|flushdb|drop_all|drop_database|destroy|delete_many|rmtree|remove_tree"
    r"|prune|upload_\w+|put_object|send_message|send_email|sendmail|publish"
)
_SAVES = re.compile(r"to_(csv|json|excel|parquet|pickle|html|feather|sql)|save|savefig|savez|imsave|imwrite|dump_to_file")
_SQL = re.compile(r"\b(DROP|TRUNCATE)\b|\bDELETE\s+FROM\b|\bALTER\s+TABLE\b.*\bDROP\b", re.I | re.S)
_SQL_CHANGE = re.compile(r"^\s*(INSERT|UPDATE|REPLACE|ALTER|CREATE|VACUUM|ATTACH)\b", re.I)
_LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 - names to compare with
_REFERENCED = _DELETE | _MOVE | _SHELL | _ARGV | {"os.truncate", "os.kill", "exec", "eval"}


class Act(msgspec.Struct, frozen=True):
    """What the code does: delete, write, append, create, meta, move, link, shell, argv, hidden, kill, send, sql, chdir, read.

    `on`: what it falls on, None where that is not known; `words`: an argument list, where it is one.
    """

    kind: str
    on: Values = None
    words: tuple[str, ...] = ()


def acts(code: str, home: str) -> list[Act] | None:
    """What Python code does, in the order of its text; None when it is no Python (then nothing of it runs either)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _Reader(Names(tree, home), home).read(tree)


class _Reader:
    def __init__(self, names: Names, home: str) -> None:
        self._names = names
        self._home = home
        self._acts: list[Act] = []

    def read(self, tree: ast.AST) -> list[Act]:
        called = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called.add(id(node.func))
                self._call(node)
            elif isinstance(node, ast.Attribute | ast.Name):
                self._reference(node, known=id(node) in called)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                self._reads(self._names.values(node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "/" in node.value:
                self._reads((Value(node.value),) if len(node.value) < 400 and "\n" not in node.value else None)
        return self._acts

    def _add(self, kind: str, on: Values = None, words: tuple[str, ...] = ()) -> None:
        self._acts.append(Act(kind, on, words))

    def _reads(self, on: Values) -> None:
        if on:
            self._add("read", on)

    def _reference(self, node: ast.Attribute | ast.Name, *, known: bool) -> None:
        """A function that is handed on as a value, and what reaches around names."""
        if (isinstance(node, ast.Attribute) and node.attr in _INNARDS) or (
            isinstance(node, ast.Name) and node.id in ("__builtins__", "__loader__")
        ):
            self._add("hidden")
        elif not known and isinstance(node.ctx, ast.Load):
            name = self._full(node)
            if name in _REFERENCED or _RUNS.fullmatch(name):
                self._add("hidden")

    def _full(self, func: ast.expr) -> str:
        name = self._names.dotted(func)
        if isinstance(func, ast.Name) and name == func.id:
            for star in self._names.stars:
                if f"{star}.{name}" in _REFERENCED | _META | _CREATE | _LINK or f"{star}.{name}" in _WRITE:
                    return f"{star}.{name}"
        return name.removeprefix("builtins.").replace("posix.", "os.", 1) if name.startswith(("builtins.", "posix.")) else name

    def _arg(self, node: ast.Call, index: int, *names: str) -> ast.expr | None:
        if len(node.args) > index:
            return node.args[index]
        return next((word.value for word in node.keywords if word.arg in names), None)

    def _path(self, node: ast.Call, index: int, *names: str) -> Values:
        given = self._arg(node, index, *names)
        return self._names.values(given) if given is not None else None

    def _call(self, node: ast.Call) -> None:
        name = self._full(node.func)
        if name in _DELETE:
            self._add("delete", self._path(node, 0, "path"))
        elif name in _WRITE:
            self._add("write", self._path(node, _WRITE[name], "dst", "path"))
        elif name in _MOVE:
            self._add("move", self._path(node, 0, "src"))
            self._add("write", self._path(node, 1, "dst"))
        elif name in _LINK:
            self._add("link", self._path(node, 1, "dst"))
        elif name in _CREATE:
            self._add("create", self._path(node, 0, "name"))
        elif name in _META:
            self._add("meta", self._path(node, 0, "path"))
        elif name in _OPEN:
            self._open(self._path(node, 0, "file", "name"), self._arg(node, 1, "mode"))
        elif name == "os.open":
            self._add("write", self._path(node, 0, "path")) if len(node.args) > 1 and "O_RDONLY" not in ast.dump(node) else None
        elif name == "os.chdir":
            self._add("chdir", self._path(node, 0))
        else:
            self._runs(name, node)

    def _open(self, on: Values, mode: ast.expr | None) -> None:
        how = "r" if mode is None else self._names.text(mode)
        if how is None or any(char in how for char in "wx+"):
            self._add("write", on)
        elif "a" in how:
            self._add("append", on)
        else:
            self._reads(on)

    def _runs(self, name: str, node: ast.Call) -> None:
        if name in _SHELL:
            self._add("shell", self._path(node, 0, "command", "cmd"))
        elif name in _ARGV:
            self._argv(node)
        elif name in ("exec", "eval", "compile"):
            self._code(node)
        elif name in ("__import__", "importlib.import_module", "getattr", "setattr"):
            given = self._arg(node, 0 if "import" in name else 1)
            if given is not None and self._names.values(given) is None and name != "setattr":
                self._add("hidden")
        elif _RUNS.fullmatch(name) or _HIDDEN.fullmatch(name) or (name in ("vars", "globals", "locals") and not node.keywords):
            self._add("hidden" if name != "pickle.dump" and not name.endswith((".dumps", ".dump")) else "read")
        elif _KILL.fullmatch(name):
            self._add("kill")
        elif _SEND.match(name) or (name in _REQUEST and self._method_of(node) not in ("GET", "HEAD", "OPTIONS")):
            self._add("send")
        elif name.endswith((".kill", ".terminate", ".suspend", ".send_signal")) and "psutil" in self._names.modules.values():
            self._add("kill")
        else:
            self._method(name, node)

    def _method_of(self, node: ast.Call) -> str | None:
        given = self._arg(node, 0, "method")
        text = self._names.text(given) if given is not None else None
        return None if text is None else text.upper()

    def _argv(self, node: ast.Call) -> None:
        given = self._arg(node, 0, "args")
        through = next((word.value for word in node.keywords if word.arg == "shell"), None)
        plain = through is None or (isinstance(through, ast.Constant) and not through.value)
        if any(word.arg in ("executable", "preexec_fn", None) for word in node.keywords):
            self._add("hidden")
        elif isinstance(given, ast.List | ast.Tuple) and plain:
            words = [self._names.text(item) if not isinstance(item, ast.Starred) else None for item in given.elts]
            first = self._names.dotted(given.elts[0]) if given.elts else ""
            words = ["python3", *words[1:]] if first == "sys.executable" else words
            self._add("argv", None, tuple(word if word is not None else "\0" for word in words))
        elif given is not None and plain and (text := self._names.text(given)) is not None:
            self._add("argv", None, (text,))
        else:
            self._add("shell", self._names.values(given) if given is not None else None)

    def _code(self, node: ast.Call) -> None:
        texts = self._path(node, 0, "source")
        for value in texts or ():
            inner = acts(value.text, self._home)
            self._acts += inner or []
        if texts is None:
            self._add("hidden")

    def _method(self, name: str, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Attribute):
            return
        verb, owner = node.func.attr, node.func.value
        own = self._names.values(owner)
        if verb in ("unlink", "rmdir"):
            self._add("delete", own)
        elif verb in ("write_text", "write_bytes"):
            fixed = not node.args or isinstance(node.args[0], ast.Constant)
            self._add("write" if fixed or own is None or not any(v.bounded for v in own) else "append", own)
        elif verb in ("touch", "mkdir") and (own is not None or not node.args):
            self._add("create", own)
        elif verb in ("chmod", "lchmod"):
            self._add("meta", own)
        elif verb in ("rename", "replace") and len(node.args) == 1 and not node.keywords:
            self._add("move", own)
            self._add("write", self._path(node, 0))
        elif verb in ("symlink_to", "hardlink_to"):
            self._add("link", own)
        elif (verb == "open" and "." not in name.replace("..", "")) or (verb == "open" and own is not None):
            self._open(own, self._arg(node, 0, "mode"))
        elif verb in ("extractall", "extract"):
            self._add("append", self._path(node, 0, "path") if node.args or node.keywords else (Value("."),))
        else:
            self._remote(name, verb, node)

    def _remote(self, name: str, verb: str, node: ast.Call) -> None:
        if verb in ("execute", "executemany", "executescript", "exec_driver_sql", "sql", "query"):
            self._sql(node)
        elif (
            verb in ("post", "put", "patch", "delete")
            or _DELETING.fullmatch(verb)
            or (verb == "drop" and not node.args + node.keywords)
        ):
            self._add("send")
        elif verb in ("connect", "create_connection", "open_connection", "sendto") and "sqlite" not in name:
            local = any(f"'{host}'" in ast.dump(node) for host in _LOCAL)
            self._add("send") if "socket" in " ".join(self._names.modules.values()) and not local else None
        elif name.endswith(("urlopen", "Request")) and any(word.arg in ("data", "method") for word in node.keywords):
            self._add("send")
        elif _SAVES.fullmatch(verb) and (on := self._path(node, 0, "path", "fname")):
            self._add("write", on)

    def _sql(self, node: ast.Call) -> None:
        text = " ".join(item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str))
        known = self._path(node, 0)
        text += " ".join(value.text for value in known or ())
        if _SQL.search(text):
            self._add("sql")
        elif _SQL_CHANGE.search(text):
            self._add("sql-change")
