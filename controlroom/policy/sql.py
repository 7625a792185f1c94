"""What SQL text does, statement by statement, without a grammar: comments and literals are set aside, words are looked at."""

import re
from enum import StrEnum
from itertools import pairwise


class Sql(StrEnum):
    """What statements do, worst last. NONE: there are none."""

    NONE = "none"
    READS = "reads"
    ADDS = "adds"  # rows, tables, indices that were not there
    CHANGES = "changes"  # some rows, or how something is built
    UNCLEAR = "unclear"
    DESTROYS = "destroys"  # tables, all rows, rights
    RUNS = "runs"  # programs or files of the machine


_ORDER = tuple(Sql)
# One alternative a piece; what is not closed goes to the end, so that no text is scanned twice.
_TOKEN = re.compile(
    r"""(?P<note>--[^\n]*|/\*(?!!)(?s:.*?)(?:\*/|\Z))|(?P<text>'(?:[^'\\]|\\.|'')*+(?:'|\Z)|"[^"]*+(?:"|\Z)|`[^`]*+(?:`|\Z))"""
    r"""|(?P<dollar>\$[A-Za-z_]*\$)|(?P<word>[A-Za-z_$\\.!][\w$.!\\]*+)|(?P<number>\d[\w.]*+)|(?P<space>\s++)|(?P<mark>.)""",
    re.S,
)
_READS = frozenset(
    """SELECT SHOW DESCRIBE DESC
    EXPLAIN USE SET RESET BEGIN START COMMIT ROLLBACK END SAVEPOINT RELEASE VALUES TABLE PRAGMA HELP
    LIST FETCH DECLARE CLOSE FROM SUMMARIZE PRINT GO ABORT DISCARD CONSISTENCY TRACING EXIT QUIT ANALYZE STATUS EXISTS
    LISTEN UNLISTEN CHECK CHECKSUM DELIMITER USING WITH TIMING""".split()  # noqa: SIM905
)
_ADDS = frozenset("INSERT CREATE COMMENT COPY NOTIFY PREPARE".split())  # noqa: SIM905
_CHANGES = frozenset(
    """UPDATE
    DELETE MERGE REPLACE ALTER CALL EXECUTE EXEC DO REINDEX VACUUM LOAD IMPORT ATTACH DETACH LOCK UNLOCK REFRESH CLUSTER
    REPAIR OPTIMIZE RENAME SECURITY CHECKPOINT UPSERT BATCH APPLY UNDROP EXPORT INSTALL FORCE PUT""".split()  # noqa: SIM905
)
_DESTROYS = frozenset("DROP TRUNCATE GRANT REVOKE PURGE KILL SHUTDOWN FLUSH REASSIGN RESTORE SYSTEM EXCHANGE".split())  # noqa: SIM905
_RUNNING_CALLS = re.compile(
    r"(?i)^(pg_terminate_backend|pg_cancel_backend|pg_read_file|pg_read_binary_file|pg_write_file|pg_file_write|lo_export|lo_import|"
    r"dblink_exec|dblink|pg_drop_replication_slot|pg_reload_conf|pg_rotate_logfile|xp_cmdshell|load_extension|sys_exec|sys_eval|"
    r"load_file|writefile|edit|query_to_xml|pg_switch_wal|pg_promote|pg_logical_emit_message|setval|system|shell)$"
)
_TOP_ALTER = frozenset("DATABASE ROLE USER SYSTEM SCHEMA LOGIN SERVER INSTANCE".split())  # noqa: SIM905
_META_READS = re.compile(
    r"\\(d\S*|l\+?|z|x|timing|conninfo|echo|qecho|pset|a|t|h|\?|c|connect|q|set|encoding|s|sf|sv|du|dt|dn|df|g|gx|G|errverbose|unset)"
    r"|\.(tables|dump|schema|indexes|indices|databases|dbinfo|mode|headers?|help|show|width|timer|quit|exit|nullvalue|separator|stats|echo"
    r"|explain|eqp|fullschema|lint|limit|print|prompt|version|changes|bail|sha3sum|auth|open|columns|maxrows|timeout)"
)


_OPENING = frozenset("({@/*")
_NESTED = 32  # statements within one that are looked at; more count as the worst


def judge(text: str) -> Sql:
    """The worst that any statement of `text` does. Work grows with the length of the text."""
    worst = Sql.NONE
    statement: list[tuple[str, int, bool]] = []  # word, depth of brackets, was quoted
    depth = 0
    for kind, piece in _tokens(text):
        if (kind == "mark" and piece == ";") or kind == "line":
            worst, statement, depth = _worse(worst, _statement(statement)), [], 0
        elif kind == "mark" and piece in "()":
            depth += 1 if piece == "(" else -1
            statement.append((piece, depth, False))
        elif kind in ("word", "number", "mark"):
            statement.append((piece.upper() if kind == "word" and piece[0] not in "\\." else piece, depth, False))
        else:
            statement.append((piece, depth, True))
    return _worse(worst, _statement(statement))


def worst(found: list[Sql]) -> Sql:
    """The worst of several judgements."""
    return max(found, key=_ORDER.index, default=Sql.NONE)


def _worse(one: Sql, other: Sql) -> Sql:
    return max(one, other, key=_ORDER.index)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Tokens that count. A command of the client (`\\d`, `.tables`) ends with its line: a `line` piece follows it."""
    found: list[tuple[str, str]] = []
    at, meta, fresh = 0, False, True
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:  # cannot be: `mark` takes any character
            break
        kind, piece, at = match.lastgroup or "", match[0], match.end()
        if kind == "dollar":
            end = text.find(piece, at)
            body = text[at:] if end < 0 else text[at:end]
            at = len(text) if end < 0 else end + len(piece)
            kind, piece = "body", body
        if kind == "space":
            if meta and "\n" in piece:
                found.append(("line", ""))
                meta, fresh = False, True
            continue
        if kind == "note" or (fresh and piece == "/*"):
            continue
        if fresh and kind == "word" and piece[0] in "\\.":
            meta = True
        fresh = piece == ";"
        found.append((kind, piece))
    return found


def _statement(words: list[tuple[str, int, bool]]) -> Sql:
    start = 0
    while start < len(words) and (words[start][0] in _OPENING or words[start][0].startswith("!")):  # MySQL runs /*!40000 ... */
        start += 1
    if start == len(words):
        return Sql.UNCLEAR if words else Sql.NONE
    words = words[start:]
    first, _, quoted = words[0]
    if first[:1] in ("\\", ".") and not quoted:
        return _meta(words)
    plain = [word for word, _, literal in words if not literal]
    if first == "EXPLAIN":
        return _inside(words) if "ANALYZE" in plain[:4] or "ANALYSE" in plain[:4] else Sql.READS
    if first in ("WITH", "SELECT", "TABLE", "VALUES", "FROM", "BEGIN", "DECLARE", "IF"):
        return _worse(_select(words, plain), _inside(words))
    if first in _DESTROYS:
        return Sql.DESTROYS
    if first in ("SET", "PRAGMA", "RESET"):
        return _setting(first, plain)
    if first in _CHANGES or first in _ADDS:
        return _change(first, plain, words)
    if first in _READS:
        return Sql.READS
    return Sql.UNCLEAR


def _meta(words: list[tuple[str, int, bool]]) -> Sql:
    """A command of the client itself."""
    first = words[0][0].split("\\")[1] if words[0][0].startswith("\\") else words[0][0]
    name = "\\" + first if words[0][0].startswith("\\") else first
    if any(word.startswith("|") for word, _, _ in words[1:]):
        return Sql.RUNS
    return Sql.READS if _META_READS.fullmatch(name) else Sql.RUNS


def _setting(first: str, plain: list[str]) -> Sql:
    if first == "PRAGMA":
        return Sql.CHANGES if "=" in plain and "FOREIGN_KEYS" not in plain else Sql.READS
    return Sql.CHANGES if {"GLOBAL", "PERSIST", "PASSWORD", "MASTER", "SLAVE"} & set(plain[:3]) else Sql.READS


def _body(words: list[tuple[str, int, bool]]) -> Sql:
    """The text of a block: statements that are run at once."""
    body = next((word for word, _, quoted in words if quoted), "").strip("'")
    return _inside([(piece.upper(), 0, kind == "text") for kind, piece in _tokens(body) if piece])


def _select(words: list[tuple[str, int, bool]], plain: list[str]) -> Sql:
    calls = {word for (word, _, _), (following, _, _) in pairwise(words) if following == "("}
    if any(_RUNNING_CALLS.match(call.rsplit(".", 1)[-1]) for call in calls):
        return Sql.RUNS
    if "OUTFILE" in plain or "DUMPFILE" in plain:
        return Sql.RUNS
    return Sql.ADDS if "INTO" in plain and "INSERT" not in plain else Sql.READS


def _change(first: str, plain: list[str], words: list[tuple[str, int, bool]]) -> Sql:
    if first == "COPY" or "PROGRAM" in plain[:6]:
        if "PROGRAM" in plain:
            return Sql.RUNS
        return Sql.READS if "STDOUT" in plain else Sql.ADDS
    if first in ("UPDATE", "DELETE"):
        return Sql.CHANGES if _bounded(words) else Sql.DESTROYS
    if first == "ALTER":
        lost = {"DROP", "OWNER", "PASSWORD", "RENAME", "TRUNCATE", "SUPERUSER"} & set(plain)
        return Sql.DESTROYS if lost or (len(plain) > 1 and plain[1] in _TOP_ALTER) else Sql.CHANGES
    if first == "CREATE" and (
        "REPLACE" in plain[:3] or {"FUNCTION", "TRIGGER", "USER", "ROLE", "EXTENSION", "EVENT"} & set(plain[:5])
    ):
        return _worse(Sql.CHANGES, _inside(words))
    if first == "VACUUM" and "FULL" in plain:
        return Sql.DESTROYS
    if first in ("PREPARE", "DO", "BATCH", "CREATE", "INSERT"):
        if first == "DO":
            return _worse(Sql.CHANGES, _body(words))
        return _worse(Sql.ADDS, Sql.NONE if first == "CREATE" else _inside(words))
    if first in ("EXEC", "EXECUTE", "CALL") and any(_RUNNING_CALLS.match(word.rsplit(".", 1)[-1]) for word in plain[1:2]):
        return Sql.RUNS
    return Sql.CHANGES


def _inside(words: list[tuple[str, int, bool]]) -> Sql:
    """Statements within another one: after WITH, EXPLAIN ANALYZE, BEGIN, PREPARE."""
    found = Sql.READS
    nested = 0
    for index, (word, _, quoted) in enumerate(words[:-1]):
        following = words[index + 1][0]
        if quoted:
            continue
        if nested > _NESTED:
            return Sql.DESTROYS
        if (word == "DELETE" and following == "FROM") or (word == "UPDATE" and following not in ("(", "SKIP", "NOWAIT", "OF")):
            if index and words[index - 1][0] in ("FOR", "ON", "KEY"):
                continue
            nested += 1
            found = _worse(found, Sql.CHANGES if _bounded(words[index:]) else Sql.DESTROYS)
        elif word == "INSERT" and following == "INTO":
            found = _worse(found, Sql.ADDS)
        elif word in ("DROP", "TRUNCATE") and following in ("TABLE", "DATABASE", "SCHEMA", "VIEW", "USER", "ROLE"):
            found = _worse(found, Sql.DESTROYS)
    return found


def _bounded(words: list[tuple[str, int, bool]]) -> bool:
    """Whether a condition that is not always true limits the rows of the statement that begins here."""
    start = words[0][1]
    for index, (word, depth, quoted) in enumerate(words):
        if depth < start:
            return False
        if quoted or depth != start:
            continue
        if word == "WHERE":
            condition = [text for text, _, _ in words[index + 1 :]]
            return bool(condition) and not any(_always(condition[at:]) for at in _conditions(condition))
        if word == "LIMIT":
            return True
    return False


def _conditions(words: list[str]) -> list[int]:
    """Where a condition begins that alone decides: the first one, and those after OR."""
    return [0, *(at + 1 for at, word in enumerate(words[:_NESTED]) if word == "OR")]


def _always(words: list[str]) -> bool:
    single = words[:1] in (["TRUE"], ["1"]) and words[1:2] not in (["="], ["<"], [">"])
    return single or (words[1:2] == ["="] and words[:1] == words[2:3])
