"""What a command hands to another machine in an address, a name or a header: secrets that it reads here on its way."""

import re

from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env

_PROGRAMS = frozenset(
    "curl curlie wget wget2 http https httpie xh xhs aria2c lynx w3m dig drill nslookup host kdig ping logger".split()  # noqa: SIM905
)
_TELLS = re.compile(
    r"(?i)\b(?:base(?:64|32)|xxd|hexdump|printenv)\b|\bod\s{1,9}-|\b(?:env|set|export)(?:\s{1,9}-0)?\s{0,9}(?:\||\)|`)|(?<!\w)\.env\b|/environ\b"
    r"|/etc/(?:passwd|shadow)\b|\.(?:pem|key|p12|pfx|kdbx)\b|credential|secret|passwd|\bid_(?:rsa|ed25519|ecdsa)\b|_history\b"
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_LOGIN = re.compile(r"(?i)\s{0,4}(?:proxy-)?(?:authorization|cookie|[\w-]{0,40}(?:token|key|auth|secret)[\w-]{0,40})\s{0,4}:")
_DEPTH = 3  # variables that are computed from variables


def carries(name: str, args: tuple[Arg, ...], env: Env) -> bool:
    """Whether an argument of a program that talks to others is computed from what looks like a secret of this machine.

    A header that logs in is left out: that is what a token is for.
    """
    if name not in _PROGRAMS:
        return False
    for before, arg in zip((Arg(""), *args), args, strict=False):
        login = before.text in ("-u", "--user", "--oauth2-bearer") or (
            before.text in ("-H", "--header") and _LOGIN.match(arg.text.lstrip("\"'"))
        )
        if not arg.certain and not login and any(_TELLS.search(text) for text in _computed(arg.text, env)):
            return True
    return False


def _computed(text: str, env: Env) -> list[str]:
    """The texts that an argument is computed from: its own substitutions, and those of the variables in it."""
    found = [text] if "$(" in text or "`" in text or "<(" in text else []
    for _ in range(_DEPTH):
        names = set(_VARIABLE.findall(text))
        text = " ".join(env.sources[name] for name in sorted(names) if name in env.sources)
        if not text:
            break
        found.append(text)
    return found
