"""Path arithmetic without a file system: absolute, component-wise, never by string prefix (N15)."""

import posixpath
import unicodedata
from functools import lru_cache

MINTED = "/tmp/tmp.XXXXXXXXXX"


def absolute(path: str, cwd: str) -> str:
    """`path` seen from `cwd`, without `.`, `//` and trailing slashes; `..` is kept for the tree to follow (symlinks)."""
    joined = posixpath.join(cwd, path)
    parts = [part for part in joined.split("/") if part not in ("", ".")]
    return "/" + "/".join(parts)


def normal(path: str) -> str:
    """An absolute path with `..` taken lexically (right only for paths without symlinks)."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def is_below(path: str, ancestor: str) -> bool:
    """Whether `path` is `ancestor` or lies below it."""
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")


@lru_cache(maxsize=4096)
def folded(path: str) -> str:
    """The form in which names are compared: NFC, case folded, trailing dots and spaces of components dropped (N04)."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    if "./" not in text and " /" not in text and not text.endswith((".", " ")):
        return text
    return "/".join(part.rstrip(" .") or part for part in text.split("/"))
