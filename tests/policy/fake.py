"""A tree in memory: directories, files, links and hard links, with inodes that an oracle can look at."""

import posixpath

import msgspec

from controlroom.model.action import Action
from controlroom.model.effect import Assessment
from controlroom.policy import Context, Manifest, Scan, Stat, assess
from controlroom.policy.paths import is_below

HOME = "/home/op"
WORK = "/home/op/shop"


class FakeTree:
    """Paths to contents (bytes), link targets (str) or directories (None)."""

    def __init__(self, entries: dict[str, bytes | str | None] | None = None, tracked: tuple[str, ...] = ()) -> None:
        self.nodes: dict[str, bytes | str | None] = {"/": None}
        self.inodes: dict[str, int] = {"/": 2}
        self._tracked = set(tracked)
        self.binds: dict[str, str] = {}  # mount point → folder that is mounted there
        for path, node in (entries or {}).items():
            self.add(path, node)

    def add(self, path: str, node: bytes | str | None) -> None:
        parent = posixpath.dirname(path)
        if parent not in self.nodes:
            self.add(parent, None)
        self.nodes[path] = node
        self.inodes[path] = 100 + len(self.inodes)

    def hard_link(self, path: str, to: str) -> None:
        self.add(path, self.nodes[to])
        self.inodes[path] = self.inodes[to]

    def lstat(self, path: str) -> Stat | None:
        if path not in self.nodes:
            return None
        node = self.nodes[path]
        kind = "dir" if node is None else "link" if isinstance(node, str) else "file"
        inode = self.inodes[path]
        links = sum(1 for other in self.inodes.values() if other == inode)
        return Stat(kind, 1, inode, len(node or b""), links)

    def realpath(self, path: str) -> str | None:
        done: list[str] = []
        todo = [part for part in path.split("/") if part][::-1]
        follows = 0
        while todo:
            part = todo.pop()
            if part in (".", ""):
                continue
            if part == "..":
                done = done[:-1]
                continue
            here = "/" + "/".join([*done, part])
            node = self.nodes.get(here)
            if isinstance(node, str):
                follows += 1
                if follows > 40:
                    return None
                if node.startswith("/"):
                    done = []
                todo += [p for p in node.split("/") if p][::-1]
                continue
            done.append(part)
        return "/" + "/".join(done)

    def listdir(self, path: str) -> tuple[str, ...] | None:
        real = self.realpath(path)
        if real is None or real not in self.nodes or self.nodes[real] is not None:
            return None
        return tuple(sorted(posixpath.basename(p) for p in self.nodes if p != "/" and posixpath.dirname(p) == real))

    def read(self, path: str, limit: int) -> bytes | None:
        node = self.nodes.get(self.realpath(path) or "")
        return node[:limit] if isinstance(node, bytes) else None

    def scan(self, path: str, max_entries: int) -> Scan:
        below = [p for p in self.nodes if p.startswith(path.rstrip("/") + "/") and p != path]
        files = [self.nodes[p] for p in below[:max_entries]]
        contents = [node for node in files if isinstance(node, bytes)]
        looks = [(p, stat) for p in below[:max_entries] if (stat := self.lstat(p)) and stat.kind == "file" and stat.nlink > 1]
        linked = tuple((stat.dev, stat.ino, p) for p, stat in looks)
        return Scan(len(contents), sum(map(len, contents)), len(below) > max_entries, tuple(below[:max_entries]), linked)

    def elsewhere(self, path: str) -> tuple[str, ...]:
        found = [source + path[len(point) :] for point, source in self.binds.items() if is_below(path, point)]
        return tuple(found + [point + path[len(source) :] for point, source in self.binds.items() if is_below(path, source)])

    def mounts(self, path: str) -> tuple[str, ...]:
        return tuple(point for point in self.binds if point != path and is_below(point, path))

    def tracked(self, path: str) -> bool | None:
        return path in self._tracked if self._tracked else None


def context(manifest: str = "", own: tuple[str, ...] = (), written: tuple[str, ...] = ()) -> Context:
    """The usual session: a shop's repository in an operator's home."""
    return Context(WORK, HOME, Manifest.parse(manifest, "never-touch"), own, written)


def shop() -> FakeTree:
    """A small project with the things that commands are about."""
    return FakeTree(
        {
            f"{WORK}/README.md": b"# shop\n",
            f"{WORK}/a.py": b"print(1)\n",
            f"{WORK}/notes.txt": b"mine\n",
            f"{WORK}/empty.txt": b"",
            f"{WORK}/build/out.o": b"o",
            f"{WORK}/build/out.bin": b"oo",
            f"{WORK}/src/main.py": b"x\n",
            f"{WORK}/Makefile": b"all:\n",
            f"{WORK}/package.json": b"{}\n",
            f"{WORK}/.git/config": b"[core]\n",
            f"{WORK}/.git/hooks/pre-commit": b"#!/bin/sh\n",
            f"{HOME}/.ssh/id_ed25519": b"secret",
            f"{HOME}/.ssh/known_hosts": b"host",
            f"{HOME}/.bashrc": b"PS1=\n",
            f"{HOME}/.claude/settings.json": b"{}\n",
            f"{HOME}/.claude/projects/p/s.jsonl": b"{}\n",
            f"{HOME}/other/data.db": b"data",
            "/etc/hosts": b"127.0.0.1\n",
            "/etc/passwd": b"root\n",
            "/tmp/x": b"x",
        },
        tracked=(f"{WORK}/README.md", f"{WORK}/a.py", f"{WORK}/src/main.py"),
    )


def call(tool: str, given: object, tree: FakeTree | None = None, where: Context | None = None) -> Assessment:
    """Assess one call of a tool."""
    action = Action(tool, msgspec.json.encode(given).decode(), WORK)
    return assess(action, where or context(), tree or shop())


def sh(command: str, tree: FakeTree | None = None, where: Context | None = None) -> Assessment:
    """Assess one shell command."""
    return call("Bash", {"command": command}, tree, where)
