"""The gate for scripts: `with gate.act("delete", paths=[...], reason="...") as receipt: ...`. Fails closed.

The act inside the `with` runs only after a complete, well-formed allow for this very question. Standard library only.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence

from controlroom.client import rpc
from controlroom.client.where import NoPlace, Where, latched, where

VERSION = 1
WAIT_SECONDS = 620.0  # the daemon's hold is 600 s: the answer is there before
SEND_SECONDS = 5.0
ANSWER_LIMIT = 1 << 20  # bytes


class GateError(Exception):
    """The act may not be done."""


class Denied(GateError):
    """The answer was no; the text is the reason."""


class Unavailable(GateError):
    """No well-formed answer came: that is a no as well."""


class Receipt:
    """What the gate gave for an allowed act: its id, who allowed it, and why. Set `note` to tell what came of the act."""

    __slots__ = ("by", "id", "note", "reason")

    def __init__(self, receipt: str, by: str, reason: str) -> None:
        self.id = receipt
        self.by = by
        self.reason = reason
        self.note = ""


@contextlib.contextmanager
def act(
    op: str,
    *,
    paths: Sequence[str | os.PathLike[str]] = (),
    reason: str = "",
    argv: Sequence[str] = (),
    cwd: str | os.PathLike[str] | None = None,
    new: str | None = None,
) -> Iterator[Receipt]:
    """Asks before the block and reports after it what came of it, with the exception's text where it failed.

    Waits as long as the daemon holds the question (at most 620 s). Raises `Denied` or `Unavailable` before the block;
    `Unavailable` after it when the act was done but the outcome could not be recorded. Relative paths are taken from `cwd`.
    """
    try:
        places = where(os.environ)
    except NoPlace as error:
        raise Unavailable(str(error)) from None
    receipt = ask(places, op, paths=paths, reason=reason, argv=argv, cwd=cwd, new=new)
    began = time.monotonic()
    try:
        yield receipt
    except BaseException as error:
        note = f"{type(error).__name__}: {error}"
        try:
            finish(places, receipt.id, ok=False, note=note, seconds=time.monotonic() - began)
        except GateError as lost:
            error.add_note(f"controlroom: the outcome could not be recorded: {lost}")
        raise
    finish(places, receipt.id, ok=True, note=receipt.note, seconds=time.monotonic() - began)


def ask(
    places: Where,
    op: str,
    *,
    paths: Sequence[str | os.PathLike[str]] = (),
    reason: str = "",
    argv: Sequence[str] = (),
    cwd: str | os.PathLike[str] | None = None,
    new: str | None = None,
) -> Receipt:
    """The receipt of an allowed act. Raises `Denied(reason)`, or `Unavailable` when no well-formed answer came."""
    stop = latched(places)
    if stop:
        raise Denied(f"emergency stop is on ({stop})")
    here = os.path.abspath(os.fspath(cwd)) if cwd is not None else os.getcwd()
    payload: dict[str, object] = {
        "op": op,
        "paths": [os.path.join(here, os.fspath(path)) for path in paths],
        "reason": reason,
        "argv": list(argv),
        "cwd": here,
    }
    if new is not None:
        payload["new"] = new
    body = _exchange(places, "ask", payload, want=b"allow", seconds=WAIT_SECONDS)
    try:
        answer = json.loads(body)
        return Receipt(_text(answer, "receipt"), _text(answer, "by"), _text(answer, "reason"))
    except (ValueError, TypeError, KeyError) as error:
        raise Unavailable(f"the gate's answer makes no sense: {error}") from None


def finish(places: Where, receipt: str, *, ok: bool, note: str, seconds: float) -> None:
    """Closes the receipt with what came of the act. Raises `GateError` when the gate did not take it."""
    payload = {"receipt": receipt, "ok": ok, "note": _clean(note)[:4096], "duration_ms": round(seconds * 1000)}
    _exchange(places, "outcome", payload, want=b"ok", seconds=SEND_SECONDS)


def probe(places: Where) -> str:
    """The gate's own words to a probe, which it always denies. Raises `Unavailable` when it does not answer."""
    try:
        _exchange(places, "probe", {}, want=b"", seconds=SEND_SECONDS)
    except Denied as denied:
        return str(denied)
    raise Unavailable("the gate did not deny the probe")


def _text(answer: object, key: str) -> str:
    if not isinstance(answer, dict):
        raise TypeError("no object")
    value = answer[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _message(kind: str, nonce: str, payload: dict[str, object]) -> bytes:
    header = {"v": VERSION, "nonce": nonce, "kind": kind}
    lines = (json.dumps(header), json.dumps(payload, ensure_ascii=False))
    try:
        message = "".join(f"{line}\n" for line in lines).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Denied(f"the question is not UTF-8 text: {error.reason} at {error.start}") from None
    if len(message) > ANSWER_LIMIT:
        raise Denied(f"the question has {len(message)} bytes, the gate takes {ANSWER_LIMIT}")
    return message


def _exchange(places: Where, kind: str, payload: dict[str, object], *, want: bytes, seconds: float) -> bytes:
    """The body of the verdict `want`; `Denied` on any other well-formed verdict, `Unavailable` on everything else."""
    nonce = os.urandom(16).hex()
    message = _message(kind, nonce, payload)
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gate:
        gate.settimeout(SEND_SECONDS)
        try:
            gate.connect(places.gate_sock)
            _pid, uid = rpc.peer_of(gate)
            if uid != os.getuid():
                raise Unavailable(f"the gate {places.gate_sock} is served by user id {uid}, not by yours")
            gate.sendall(message)
            raw = _read(gate, deadline)
        except TimeoutError:
            raise Unavailable(f"the gate did not answer within {seconds:g} s") from None
        except OSError as error:
            raise Unavailable(f"the gate {places.gate_sock} cannot be reached: {error.strerror or error}") from None
    verdict, body = _parse(raw, nonce.encode())
    if verdict == want:
        return body
    raise Denied(body.decode("utf-8", "replace") or verdict.decode())


def _read(gate: socket.socket, deadline: float) -> bytes:
    raw = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        gate.settimeout(left)
        more = gate.recv(65536)
        if not more:
            return raw
        raw += more
        if len(raw) > ANSWER_LIMIT:
            raise Unavailable(f"the gate's answer is longer than {ANSWER_LIMIT} bytes")


def _parse(raw: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """Verdict and body of a complete answer to `nonce`. Raises `Unavailable` on anything short, long or foreign."""
    head, _, rest = raw.partition(b"\n")
    words = head.split(b" ")
    if len(words) != 4 or words[0] != b"controlroom/1" or words[1] != nonce or not words[3].isdigit():
        raise Unavailable("the gate closed without a well-formed answer")
    if words[2] not in (b"allow", b"deny", b"ok") or len(rest) != int(words[3]) + 1 or rest[-1:] != b"\n":
        raise Unavailable("the gate's answer is incomplete")
    return words[2], rest[:-1]
