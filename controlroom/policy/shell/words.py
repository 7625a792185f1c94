"""Words of the shell: quotes, escapes, braces, `~`, variables and globs resolved as far as that can be proved.

A word is lexed into text and a mask of equal length: `q` quoted, `u` typed as it is, `s` from an unquoted expansion (split at
white space), `?` unknown (NUL in the text).
"""

import fnmatch
import re
from itertools import pairwise, product

from controlroom.policy.limits import MAX_BRACES, MAX_FIELDS, MAX_WORDS
from controlroom.policy.paths import MINTED
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.documents import substituted
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.globs import expand
from controlroom.policy.tree import Tree

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@%+,^-]+")
_ALONE = re.compile(r"\"?\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?\"?")
_PLACE = re.compile(r"(URL|URI|DSN|HOST|PORT|DATABASE)$")  # names of the outer environment whose values are no options
_DATED = re.compile(r"\$\(date (?:-u )?\"?'?\+[^/xDc)'\"]*%[sSN][^/xDc)'\"]*'?\"?\)")
_CUT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(%%?|##?)([^$`\\\[\]'\"]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_SIMPLE_BRACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*])\}")
_SLICE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):([0-9]+)(?::([0-9]+))?\}")
_ARRAY = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\[[@*]\]\}")
_RANGE = re.compile(r"(-?\d{1,6})\.\.(-?\d{1,6})|([A-Za-z])\.\.([A-Za-z])")
_MKTEMP = re.compile(
    r"(?:\$\(|`)\s*mktemp((\s+-[dq]+|\s+--directory|\s+--quiet)*(\s+-t\s+[\w.-]+|\s+/tmp/[\w.-]*X{3,}[\w.]*)?)\s*(?:\)|`)"
)
_DIGITS = {"$", "?", "#", "!"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_CODE = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)", re.S)


Field = tuple[str, str]
UNKNOWN: Field = ("\0", "?")
_SPLIT: Field = ("\0", "!")


class Words:
    """Resolves words against variables and the tree (`tree` None: another machine, no globs)."""

    def __init__(self, tree: Tree | None) -> None:
        self._tree = tree

    def args(self, raw: str, env: Env) -> list[Arg]:
        """The arguments one raw word becomes."""
        if _PLAIN.fullmatch(raw):
            return [Arg(raw)]
        alone = _ALONE.fullmatch(raw)
        if alone is not None and alone[1] in env.bounds:
            return list(env.bounds[alone[1]])
        if alone is not None and alone[1] not in env.vars and _PLACE.search(alone[1]):
            return [Arg(raw, certain=False, plain=True)]
        found: list[Arg] = []
        for text, mask in self._alternatives(raw, env):
            for field in _braces((text, mask)):
                for part in _split(field):
                    found += self._finish(part, raw, env)
                    if len(found) > MAX_WORDS:
                        return [Arg(raw, certain=False, split=True)]
        return found

    def value(self, raw: str, env: Env) -> str | None:
        """The single text of an assignment's right side or a here-string, None when it is not provable."""
        fields = self._alternatives(raw, env)
        if len(fields) != 1 or "\0" in fields[0][0]:
            return None
        text, mask = fields[0]
        return env.home + text[1:] if text[:1] == "~" and mask[0] == "u" and text[1:2] in ("", "/") else text

    def _alternatives(self, raw: str, env: Env) -> list[Field]:
        pieces = _Lexer(raw, env).pieces()
        total = 1
        for piece in pieces:
            total *= max(len(piece), 1)
        if total > MAX_FIELDS:
            pieces = [piece if len(piece) == 1 else [UNKNOWN] for piece in pieces]
        return [("".join(t for t, _ in row), "".join(m for _, m in row)) for row in product(*pieces)]

    def _finish(self, field: Field, raw: str, env: Env) -> list[Arg]:
        text, mask = field
        if text[:1] == "~" and mask[0] == "u":
            home = _tilde(text, env)
            if home is None:
                return [Arg(raw, certain=False)]
            end = text.find("/") if "/" in text else len(text)
            text, mask = home + text[end:], "q" * len(home) + mask[end:]
        unknown = text.find("\0")
        if unknown >= 0:
            return [Arg(raw, certain=False, stem=text[:unknown], split="!" in mask)]
        if self._tree is None or not any(c in "*?[" and m != "q" for c, m in zip(text, mask, strict=True)):
            return [Arg(text)]
        names = expand(text, mask, env.cwd, self._tree)
        if names is None:
            stem = re.split(r"[*?\[]", text)[0]
            folder = stem.rsplit("/", 1)[0] + "/" if "/" in stem else "."
            return [Arg(raw, certain=False, stem=folder, bounded=".." not in text)]
        return [Arg(name) for name in names] or [Arg(text)]


def _cut(value: str, how: str, pattern: str) -> str:
    """`${value%pattern}` and its kin: the shortest or longest match cut off at the end or the start."""
    spots = range(len(value) + 1)
    if how[0] == "%":
        found = [at for at in spots if fnmatch.fnmatchcase(value[at:], pattern)]
        return value[: (found[-1] if how == "%" else found[0])] if found else value
    found = [at for at in spots if fnmatch.fnmatchcase(value[:at], pattern)]
    return value[(found[0] if how == "#" else found[-1]) :] if found else value


def _tilde(text: str, env: Env) -> str | None:
    name = text[1:].split("/", 1)[0]
    if name == "":
        return env.home
    return {"+": env.cwd, "root": "/root"}.get(name)


def _split(field: Field) -> list[Field]:
    """Split at white space that came from unquoted expansions."""
    text, mask = field
    if "s" not in mask and "S" not in mask:
        return [field]
    parts: list[Field] = []
    start = 0
    for index, (char, kind) in enumerate(zip(text, mask, strict=True)):
        if kind == "S" or (kind == "s" and char in " \t\n"):
            if index > start:
                parts.append((text[start:index], mask[start:index]))
            start = index + 1
    if start < len(text):
        parts.append((text[start:], mask[start:]))
    return parts


def _braces(field: Field) -> list[Field]:
    """Brace expansion over typed braces; a comma or a range must be inside, as in the shell."""
    if field[0].count("{") > MAX_BRACES and "{" in field[0].replace("${", ""):
        return [("\0", "!")]
    done: list[Field] = []
    todo = [field]
    while todo:
        text, mask = todo.pop(0)
        span = _first_brace(text, mask)
        if span is None:
            done.append((text, mask))
            continue
        start, end, cuts = span
        middle = _range(text[start + 1 : end]) if not cuts else None
        if middle is None:
            edges = [start, *cuts, end]
            options = [(text[a + 1 : b], mask[a + 1 : b]) for a, b in pairwise(edges)]
        else:
            options = [(item, "q" * len(item)) for item in middle]
        todo = [(text[:start] + t + text[end + 1 :], mask[:start] + m + mask[end + 1 :]) for t, m in options] + todo
        if len(done) + len(todo) > MAX_FIELDS:
            return [(text[:start] + "\0", mask[:start] + "!")]
    return done


def _first_brace(text: str, mask: str) -> tuple[int, int, list[int]] | None:
    """The first brace group that expands: its ends and its top-level commas."""
    stack: list[tuple[int, list[int]]] = []
    best: tuple[int, int, list[int]] | None = None
    for index, char in enumerate(text):
        if mask[index] != "u" or char not in "{},":
            continue
        if char == "{":
            stack.append((index, []))
        elif char == "," and stack:
            stack[-1][1].append(index)
        elif char == "}" and stack:
            start, cuts = stack.pop()
            expands = bool(cuts) or _RANGE.fullmatch(text[start + 1 : index]) is not None
            if expands and (best is None or start < best[0]):
                best = (start, index, cuts)
    return best


def _range(text: str) -> list[str] | None:
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    if found[1] is not None:
        first, last = int(found[1]), int(found[2])
        step = 1 if last >= first else -1
        return [str(n) for n in range(first, last + step, step)][: MAX_FIELDS + 1]
    low, high = ord(found[3]), ord(found[4])
    step = 1 if high >= low else -1
    return [chr(n) for n in range(low, high + step, step)]


class _Lexer:
    """Reads one raw word into pieces; each piece is the list of what it may be."""

    def __init__(self, raw: str, env: Env) -> None:
        self.raw = raw
        self.env = env
        self.at = 0
        self.out: list[list[Field]] = []

    def pieces(self) -> list[list[Field]]:
        """All pieces, never raising: what is not understood is unknown."""
        raw = self.raw
        while self.at < len(raw):
            char = raw[self.at]
            if char == "'":
                end = raw.find("'", self.at + 1)
                self._take(raw[self.at + 1 : end if end >= 0 else len(raw)], "q")
                self.at = end + 1 if end >= 0 else len(raw)
            elif char == '"':
                self.at += 1
                self._double()
            elif char == "\\":
                self._escape("")
            elif raw.startswith("$'", self.at):
                self._ansi()
            elif raw.startswith('$"', self.at):
                self.at += 2
                self._double()
            elif char in "$`" or (char in "<>" and raw.startswith("(", self.at + 1)):
                self._expansion(quoted=False)
            else:
                self._take(char, "u")
                self.at += 1
        return self.out

    def _take(self, text: str, kind: str) -> None:
        field = (text.replace("\0", ""), kind * len(text.replace("\0", "")))
        if self.out and len(self.out[-1]) == 1 and self.out[-1] != [UNKNOWN]:
            last = self.out[-1][0]
            self.out[-1] = [(last[0] + field[0], last[1] + field[1])]
        else:
            self.out.append([field])

    def _escape(self, only: str) -> None:
        char = self.raw[self.at + 1 : self.at + 2]
        if char == "\n":
            pass
        elif only and char not in only:
            self._take("\\" + char, "q")
        else:
            self._take(char or "\\", "q")
        self.at += 2

    def _double(self) -> None:
        self._take("", "q")
        while self.at < len(self.raw):
            char = self.raw[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\":
                self._escape('$`"\\')
            elif char in "$`":
                self._expansion(quoted=True)
            else:
                self._take(char, "q")
                self.at += 1

    def _ansi(self) -> None:
        self.at += 2
        raw = self.raw
        while self.at < len(raw) and raw[self.at] != "'":
            if raw[self.at] != "\\" or self.at + 1 >= len(raw):
                self._take(raw[self.at], "q")
                self.at += 1
                continue
            code = _CODE.match(raw, self.at + 1)
            if code is None:
                char = raw[self.at + 1]
                self._take(_ESCAPES.get(char, char if char in "\\'\"?" else "\\" + char), "q")
                self.at += 2
                continue
            number = int(code[1] or code[2] or code[3] or "0", 16) if not (code[4] or code[5]) else 0
            number = int(code[4], 8) & 0xFF if code[4] else ord(code[5]) & 0x1F if code[5] else number
            self._take(chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\0", "q")
            self.at = code.end()
        self.at += 1

    def _expansion(self, *, quoted: bool) -> None:
        raw, start = self.raw, self.at
        document = substituted(raw, start)
        if document is not None and "cat" not in self.env.functions and "cat" not in self.env.aliases:
            self.at = document[1]
            self._take(document[0], "q" if quoted else "s")
            return
        if raw[start] in "`<>" or raw.startswith(("$(", "$["), start):
            self.at = closing(raw, start)
            text = raw[start : self.at]
            if text in ("$(pwd)", "`pwd`", "$(pwd -P)") and self.env.cwd:
                self._take(self.env.cwd, "q" if quoted else "s")
            elif text in ("$(jobs -p)", "$(jobs -rp)"):
                self._take("%%", "q")
            elif _DATED.fullmatch(text):
                self._take("DATE", "q")  # a name that was never there before
            elif _MKTEMP.fullmatch(text) and "TMPDIR" not in self.env.vars:
                self._take(MINTED, "q")
            elif text.startswith(("$((", "$[")):
                self._take("*", "u")
            elif raw[start] in "<>":
                self.out.append([("/dev/fd/63", "q" * 10)])
            else:
                self.out.append([UNKNOWN if quoted else _SPLIT])
            return
        if raw.startswith("${", start):
            self.at = closing(raw, start)
            self._variable(raw[start + 1 : self.at], quoted=quoted)
            return
        name = _NAME.match(raw, start + 1)
        if name is None:
            self._take("$", "q")
            self.at = start + 1
            return
        self.at = name.end()
        self._variable("{" + name[0] + "}", quoted=quoted)

    def _variable(self, braced: str, *, quoted: bool) -> None:
        unknown = UNKNOWN if quoted else _SPLIT
        simple, piece, array = _SIMPLE_BRACE.fullmatch(braced), _SLICE.fullmatch(braced), _ARRAY.fullmatch(braced)
        cut = _CUT.fullmatch(braced)
        if cut is not None and (known := self.env.get(cut[1])) is not None and not self.env.is_array(cut[1]):
            self.out.append([(text, ("q" if quoted else "s") * len(text)) for text in (_cut(v, cut[2], cut[3]) for v in known)])
            return
        name = (simple or piece or array or [""])[1] if (simple or piece or array) else ""
        if braced == "{!}":
            self._take("%%", "q")  # the last background job: one of the script's own
            return
        if braced[1:-1] in _DIGITS:
            self.out.append([("*", "u")])
            return
        values = self.env.get(name) if name else None
        if values is None or (self.env.odd_split and not quoted):
            self.out.append([unknown])
            return
        kind = "q" if quoted else "s"
        if piece:
            start, length = int(piece[2]), piece[3]
            values = tuple(v[start : start + int(length)] if length else v[start:] for v in values)
        if array or name in ("@", "*"):
            joined = "\x1f".join(values)
            mask = "".join("S" if c == "\x1f" else kind for c in joined)
            self.out.append([(joined, mask)])
            return
        if self.env.is_array(name):
            values = values[:1]
        self.out.append([(v, kind * len(v)) for v in values] or [("", "")])


def quoted(arg: Arg) -> str:
    """An argument as shell text again: quoted where its value is known, as it was typed where it is not."""
    return "'" + arg.text.replace("'", "'\\''") + "'" if arg.certain else arg.text


def closing(raw: str, start: int) -> int:
    """The index after the expansion that opens at `start`; the end of the text when it does not close."""
    if raw[start] == "`":
        at = start + 1
        while at < len(raw) and raw[at] != "`":
            at += 2 if raw[at] == "\\" else 1
        return min(at + 1, len(raw))
    depth, at = 0, start + (0 if raw[start] in "({[" else 1)
    while at < len(raw):
        char = raw[at]
        if char == "\\":
            at += 1
        elif char == "'":
            end = raw.find("'", at + 1)
            at = end if end >= 0 else len(raw)
        elif char == '"':
            at = _after_double(raw, at + 1) - 1
        elif char in "({[":
            depth += 1
        elif char in ")}]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(raw)


def _after_double(raw: str, at: int) -> int:
    while at < len(raw) and raw[at] != '"':
        if raw[at] == "\\":
            at += 2
        elif raw[at] == "`" or raw.startswith(("$(", "${"), at):
            at = closing(raw, at)
        else:
            at += 1
    return at + 1
