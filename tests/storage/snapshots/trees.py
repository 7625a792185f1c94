"""Trees to destroy: random ones, what a person would see of them afterwards, and ways to destroy them that are really run."""

import hashlib
import os
import random
import stat
import subprocess
from pathlib import Path

Facts = dict[bytes, tuple[object, ...]]
HIDDEN = (b".env", b".cache", b"name with space", b"not-utf8-\xff", b"-rf")


def make(top: Path, rng: random.Random) -> None:
    """A folder of anything: hidden, empty, sparse, linked, read-only, with extended attributes and old times."""
    top.mkdir()
    folders = [os.fsencode(top)]
    files: list[bytes] = []
    for number in range(rng.randint(3, 14)):
        name = rng.choice(HIDDEN) + b"%d" % number if rng.random() < 0.4 else b"f%d" % number
        path = os.path.join(rng.choice(folders), name)
        kind = rng.choice(["dir", "file", "file", "file", "link", "hard", "sparse"])
        if kind == "dir":
            os.mkdir(path)
            folders.append(path)
        elif kind == "link":
            os.symlink(rng.choice([b"/etc/passwd", b"nowhere", b"..", *files]), path)
        elif kind == "hard" and files:
            os.link(rng.choice(files), path)
        else:
            _file(path, rng, sparse=kind == "sparse")
            files.append(path)
    for path in files:
        if rng.random() < 0.3 and os.path.isfile(path):
            os.setxattr(path, b"user.note", b"%d" % rng.randint(0, 9))
        os.chmod(path, rng.choice([0o644, 0o600, 0o755, 0o400, 0o4755]))
    for path in [*files, *reversed(folders)]:
        when = rng.randint(10**9, 17 * 10**8)
        os.utime(path, ns=(when * 10**9, when * 10**9 + rng.randint(0, 999_999_999)))


def _file(path: bytes, rng: random.Random, *, sparse: bool) -> None:
    with open(path, "wb") as file:
        if sparse:
            file.seek(rng.choice([1 << 20, 3 << 20]))
            file.write(rng.choice([b"", b"end"]))
            file.truncate(max(file.tell(), rng.choice([1 << 20, 4 << 20])))
        else:
            file.write(rng.randbytes(rng.choice([0, 1, 100, 5000, 200_000])))


def facts(top: Path) -> Facts:
    """All that must be the same again: content, kind, mode, owner, time, extended attributes, links, names in common, holes."""
    found: Facts = {}
    names: dict[tuple[int, int], list[bytes]] = {}
    root = os.fsencode(top)
    paths = [root] if os.path.lexists(root) else []
    for folder, inner, files in os.walk(root):
        paths += [os.path.join(folder, name) for name in inner + files]
    for path in sorted(paths):
        s = os.lstat(path)
        content: object = None
        if stat.S_ISLNK(s.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(s.st_mode):
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest(), s.st_size, _holes(path, s)
            names.setdefault((s.st_dev, s.st_ino), []).append(path)
        xattrs = () if stat.S_ISLNK(s.st_mode) else tuple((n, os.getxattr(path, n)) for n in sorted(os.listxattr(path)))
        found[path] = (s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, content, xattrs)
    for same in names.values():
        for path in same:
            found[path] = (*found[path], tuple(same))
    return found


def _holes(path: bytes, s: os.stat_result) -> bool:
    return s.st_size >= 1 << 19 and s.st_blocks * 512 < s.st_size


DESTROYERS: dict[str, str] = {
    "rm -rf": "rm -rf tree",
    "rm -rf content": "rm -rf tree/* tree/.[!.]*",
    "find -delete": "find tree -mindepth 1 -delete",
    "mv over": "rm -rf tree && mkdir tree && echo other > tree/f0",
    "mv away": "mv tree elsewhere",
    "truncate": "find tree -type f -exec truncate -s 1 {} +",
    "append": "find tree -type f -exec sh -c 'for f; do echo more >> \"$f\"; done' x {} +",
    "sed -i": "find tree -type f -size -1M -exec sed -i 's/a/b/;$a new' {} +",
    "chmod -R": "chmod -R 777 tree",
    "touch": "find tree -exec touch -h {} +",
    "add": "mkdir -p tree/new/deep && echo x > tree/new/deep/file && ln -s x tree/new/link",
    "exchange kinds": 'find tree -mindepth 1 -maxdepth 1 -exec sh -c \'for f; do rm -rf "$f"; mkdir "$f"; done\' x {} +',
    "folder to file": "rm -rf tree && echo file > tree",
    "unlink names": 'find tree -type f -links +1 -exec sh -c \'for f; do cp -p "$f" t; mv t "$f"; done\' x {} +',
    "xattrs": "find tree -type f -exec setfattr -n user.note -v changed {} + 2>/dev/null || true",
    "nothing": "true",
}


def run(command: str, where: Path) -> None:
    """Really run it."""
    subprocess.run(["bash", "-c", command], cwd=where, check=False, capture_output=True, timeout=30)
