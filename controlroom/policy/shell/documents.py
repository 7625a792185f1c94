"""The text of `$(cat <<'EOF' ...)`: what agents write where a message or a script takes several lines."""

import re

_OPENS = re.compile(r"\$\(\s{0,9}cat\s{1,9}<<[ \t]{0,9}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,9}(?=\n)")
_CLOSES = re.compile(r"[ \t\n]{0,40}\)")


def substituted(raw: str, start: int) -> tuple[str, int] | None:
    """What the substitution that opens at `start` prints and where it ends, None where it is more than such a `cat`."""
    opens = _OPENS.match(raw, start)
    if opens is None:
        return None
    last = raw.find(f"\n{opens[2]}\n", opens.end())
    closes = _CLOSES.match(raw, last + len(opens[2]) + 1) if last >= 0 else None
    if closes is None:
        return None
    body = raw[opens.end() + 1 : last]
    if not opens[1] and any(char in body for char in "$`\\"):
        return None
    return body.rstrip("\n"), closes.end()
