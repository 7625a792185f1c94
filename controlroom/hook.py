"""The gate's client inside an agent's hook: `python -I -S hook.py GATE_DIR AGENT EVENT`, the event's JSON on standard input.

Stands alone (standard library, nothing that is slow to load), reads no environment variable, and denies whatever happens:
exit 0 comes only after a complete `allow` for this very nonce; everything else is one line on standard error and exit 2.
Observations are not gates: they never fail the agent's hook, so they always exit 0. The protocol is docs/protocol.md.
"""

import posix
import select
import sys
import time

try:
    import _socket as socket  # a third of the start-up of `socket`, which loads selectors and enum
except ImportError:  # an interpreter that hides it: slower, the same names
    import socket  # type: ignore[no-redef]

OBSERVATIONS = frozenset(
    {
        "PostToolUse",
        "PostToolUseFailure",
        "SessionStart",
        "SessionEnd",
        "SubagentStart",
        "SubagentStop",
        "PermissionRequest",
        "PreCompact",
        # the same, as Copilot CLI calls them
        "postToolUse",
        "postToolUseFailure",
        "sessionStart",
        "sessionEnd",
        "subagentStart",
        "subagentStop",
        "preCompact",
        # and Gemini CLI
        "AfterTool",
    }
)
# Agents that take a denial as JSON on standard output too, and how it begins: the one tells its model why only from it, the
# other runs a call where the shell around us was killed, whatever text we left.
TELLING = {"copilot": '{"permissionDecision":"deny","permissionDecisionReason":', "gemini": '{"decision":"deny","reason":'}
MOST_GATE = 1 << 20  # bytes of a gate's payload
MOST_OBSERVED = 64 << 10  # bytes of an observation's payload; longer ones are cut to the first and last half of it
MOST_ANSWER = 1 << 20  # bytes
GATE_SECONDS = 620.0  # longer than the daemon's hold (600), shorter than the agent's own timeout (900)
OBSERVED_SECONDS = 5.0
INPUT_SECONDS = 10.0  # for the agent to write its JSON and close
CONNECT_SECONDS = 2.0
SLICE_SECONDS = 1.0  # between two looks at the clocks
NOBODY = "0" * 32  # nonce of a denial from before our header was read: too many at once, too slow
PROBE = b'{"controlroom":"probe"}'  # as the whole input: asks the gate for its denial of a probe
WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
FILE_TYPE, FOLDER, SOCKET = 0o170000, 0o040000, 0o140000


class Denied(Exception):
    """No, and why: from the gate, or because there was no gate to ask."""


class Deadline:
    """Reached as soon as one of two clocks says so: no change of the wall clock and no suspend extends it."""

    def __init__(self, seconds: float, what: str) -> None:
        self._what = what
        self._ends = time.monotonic() + seconds, time.time() + seconds

    def left(self) -> float:
        """Seconds left, at most a slice; raises Denied when there are none."""
        left = min(self._ends[0] - time.monotonic(), self._ends[1] - time.time())
        if left <= 0:
            raise Denied(f"gate unavailable: {self._what}")
        return min(left, SLICE_SECONDS)


def read_input(observed: bool) -> tuple[bytes, int]:
    """Standard input as one line, and its full length in bytes; an observation is cut in the middle.

    All of it is read, also what is not kept: an agent whose pipe breaks might take that for a broken hook and go on.
    """
    deadline = Deadline(INPUT_SECONDS, "the call did not arrive whole in time")
    poll, half = select.poll(), MOST_OBSERVED // 2
    poll.register(0, select.POLLIN)
    kept, total = bytearray(), 0
    while True:
        if not poll.poll(deadline.left() * 1000):
            continue
        part = posix.read(0, 1 << 16)
        if not part:
            break
        total += len(part)
        if observed or total <= MOST_GATE:
            kept += part
        if observed and len(kept) > 2 * MOST_OBSERVED:
            del kept[half:-half]
    if observed and total > MOST_OBSERVED:
        del kept[half:-half]
    elif total > MOST_GATE:
        raise Denied(f"the call is larger than {MOST_GATE} bytes ({total}); make it smaller")
    # A tab too is white space between JSON values and not allowed inside a string: no broken JSON becomes valid by this.
    return bytes(kept).strip(b"\r\n").replace(b"\n", b"\t"), total


def check_latch(gate_dir: str) -> None:
    """Anything at all at the latch's place is an emergency stop."""
    try:
        posix.lstat(gate_dir + "/latch")
    except FileNotFoundError:
        return
    raise Denied("emergency stop is latched; an operator must reset it")


def check_folder(gate_dir: str) -> None:
    """The folder is real, ours and closed to others; the socket in it is one, and ours."""
    uid, folder = posix.geteuid(), posix.lstat(gate_dir)
    if folder.st_mode & FILE_TYPE != FOLDER or folder.st_uid != uid or folder.st_mode & 0o777 != 0o700:
        raise Denied(f"gate unavailable: {gate_dir} is not a folder of uid {uid} with mode 0700")
    sock = posix.lstat(gate_dir + "/gate.sock")
    if sock.st_mode & FILE_TYPE != SOCKET or sock.st_uid != uid:
        raise Denied(f"gate unavailable: {gate_dir}/gate.sock is not a socket of uid {uid}")


def connect(sock: socket.socket, path: str) -> None:
    """Reach a process of our own uid."""
    deadline = Deadline(CONNECT_SECONDS, "too many wait to connect")
    sock.settimeout(CONNECT_SECONDS)
    while True:
        try:
            sock.connect(path)
            break
        except BlockingIOError:  # the queue of the listener is full
            time.sleep(min(deadline.left(), 0.02))
    peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)  # struct ucred: pid, uid, gid
    if int.from_bytes(peer[4:8], sys.byteorder) != posix.geteuid():
        raise Denied("gate unavailable: another user answers at gate.sock")


def receive(sock: socket.socket, nonce: str, deadline: Deadline) -> tuple[str, bytes]:
    """The verdict and body of exactly one whole answer to our nonce."""
    data = b""
    while True:
        sock.settimeout(deadline.left())
        try:
            part = sock.recv(1 << 16)
        except TimeoutError:
            continue
        if not part:
            raise Denied("gate unavailable: it hung up without a whole answer")
        data += part
        head, line, body = data.partition(b"\n")
        if len(head) > 128 or len(body) > MOST_ANSWER:
            raise Denied("gate unavailable: it sent no answer of ours")
        if not line:
            continue
        words = head.decode("ascii").split(" ")
        if words[1:3] == [NOBODY, "deny"]:
            words[1] = nonce  # a denial needs no proof that it is for us
        if len(words) != 4 or words[:2] != ["controlroom/1", nonce] or not words[3].isdigit():
            raise Denied("gate unavailable: it sent no answer of ours")
        length = int(words[3])
        if len(body) > length:
            if body[length:] != b"\n":
                raise Denied("gate unavailable: it sent more than an answer")
            deadline.left()
            return words[2], body[:length]


def exchange(path: str, header: str, payload: bytes, nonce: str, seconds: float) -> tuple[str, bytes]:
    """Send the two lines and wait for the answer."""
    deadline = Deadline(seconds, "no answer in time")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connect(sock, path)
        # The sending side stays open: to the daemon a closed one is an asker that has gone.
        sock.sendall(header.encode("ascii") + b"\n" + payload + b"\n")
        return receive(sock, nonce, deadline)
    finally:
        sock.close()


def ask(gate_dir: str, agent: str, event: str, observed: bool) -> bytes:
    """What to print for the agent; raises Denied, or anything else, which is a denial too."""
    if not gate_dir.startswith("/") or not (0 < len(agent) < 65 and 0 < len(event) < 65):
        raise Denied("gate unavailable: the hook needs GATE_DIR (absolute), AGENT and EVENT")
    if not WORD.issuperset(agent + event):
        raise Denied("gate unavailable: AGENT and EVENT must be plain words")
    payload, total = read_input(observed)
    if not observed:
        check_latch(gate_dir)
    check_folder(gate_dir)
    nonce = posix.urandom(16).hex()
    what = f'"hook","agent":"{agent}","event":"{event}"'
    if payload == PROBE:
        what, payload = '"probe"', b"{}"
    cut = f',"cut":{total}' if observed and total > MOST_OBSERVED else ""
    header = f'{{"v":1,"nonce":"{nonce}","kind":{what}{cut}}}'
    seconds = OBSERVED_SECONDS if observed else GATE_SECONDS
    verdict, body = exchange(gate_dir + "/gate.sock", header, payload, nonce, seconds)
    if verdict == "deny":
        raise Denied(" ".join(body.decode("utf-8", "replace").split()) or "denied")
    if verdict != ("ok" if observed else "allow"):
        raise Denied(f"gate unavailable: it answered {verdict!r:.40}")
    if observed:
        return body
    check_latch(gate_dir)
    if not (body.startswith(b"{") and body.endswith(b"}")):
        raise Denied("gate unavailable: the allow has no JSON for the agent")  # empty output might count as no opinion
    return body


def main(arguments: list[str]) -> int:
    """Ask, answer the agent, and give the exit status: 0 allowed or observed, 2 denied."""
    observed = len(arguments) == 3 and arguments[2] in OBSERVATIONS
    try:
        gate_dir, agent, event = arguments
        body = ask(gate_dir, agent, event, observed)
        if body and posix.write(1, body) != len(body):
            raise Denied("gate unavailable: the answer could not be written in one piece")
        return 0
    except Denied as e:
        why = str(e)
    except BaseException as e:  # noqa: BLE001  every failure is a denial, also KeyboardInterrupt and MemoryError
        why = f"gate unavailable: {type(e).__name__}: {e}"
    prefix = "" if why.startswith("controlroom: ") else "controlroom: "
    line = (prefix + why).encode("utf-8", "backslashreplace").replace(b"\n", b" ") + b"\n"
    try:
        posix.write(2, line)
        if not observed and arguments[1:2] and arguments[1] in TELLING:
            posix.write(1, reason_json(TELLING[arguments[1]], prefix + why))
    except OSError:  # nobody reads it: the exit status says the same
        return 0 if observed else 2
    return 0 if observed else 2


def reason_json(head: str, why: str) -> bytes:
    """A denial as JSON for agents in TELLING; whatever is not plain text is written as an escape."""
    said = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{min(ord(c), 0xFFFD):04x}" for c in why[:4096])
    return f'{head}"{said}"}}'.encode("ascii")


if __name__ == "__main__":
    STATUS = 2
    try:
        STATUS = main(sys.argv[1:])
    finally:
        posix._exit(STATUS)  # at once: tearing the interpreter down could still change the status
