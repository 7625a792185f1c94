"""What a declared scope holds: paths component by component, hosts by name, words as they are. Pure."""

from controlroom.policy.paths import is_below


def place(scope: str, workspace: str, home: str) -> str:
    """The absolute path that a scope for files means; "*" stays what it is."""
    for sign, base in ((".", workspace), ("~", home)):
        if scope == sign or scope.startswith(f"{sign}/"):
            return base.rstrip("/") + scope[1:].rstrip("/") or "/"
    return scope


def holds_path(scope: str, path: str) -> bool:
    """Whether a path (or a scope, with the same beginning) lies in a scope."""
    if scope in ("*", "/"):
        return True
    return path != "*" and is_below(path, scope.rstrip("/"))


def holds_host(scope: str, host: str) -> bool:
    """Whether a host, perhaps with its port, lies in a scope. A scope without a port holds all of them."""
    if scope == "*" or scope == host:
        return True
    name, _, port = host.partition(":")
    wanted, _, only = scope.partition(":")
    if only and only != port:
        return False
    if wanted.startswith("*."):
        return name != "*" and name.endswith(wanted[1:])
    return name == wanted


def holds_word(scope: str, word: str) -> bool:
    """Whether a program or service lies in a scope: by its name or whole path; a bare name holds the program anywhere."""
    return scope in ("*", word) or ("/" not in scope and word.rsplit("/", 1)[-1] == scope)
