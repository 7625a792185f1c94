"""One operator connection to the daemon: newline-delimited JSON, answered in turn. Standard library only: starts at once."""

import json
import os
import socket
import struct
import time

from controlroom.client.where import Where

PROTOCOL = 1
LINE_LIMIT = 1 << 20  # bytes; docs/protocol.md
NOT_READ = 0  # the id of an answer to a line in which the daemon found none
HUNG_UP = "the daemon hung up: it takes no operator from inside a supervised session (or it ended at this very moment)"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
ALLOW_SECONDS = 630.0  # an allow waits for its snapshot; the request's own deadline (at most 600 s) ends it

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from typing import Any, Protocol, Self

    class HasSocket(Protocol):
        """Anything that knows where the operator socket is: `storage.paths.Places` or `client.where.Where`."""

        @property
        def operator_sock(self) -> "str | os.PathLike[str]": ...


class RpcError(Exception):
    """An operator call that gave no result."""


class NoDaemon(RpcError):
    """Nothing answers at the operator socket, or what answers is not ours."""


class Closed(NoDaemon):
    """The daemon closed the connection without an answer."""


class Hung(NoDaemon):
    """A daemon holds the socket but did not answer in time; `pid` is the process that holds it."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


class Refused(RpcError):
    """The daemon answered with an error; `code` is one of docs/protocol.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class VersionMismatch(RpcError):
    """The daemon speaks another version of the protocol than this client."""


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Process id and user id at the other end of a connected Unix socket (SO_PEERCRED: who called listen)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _gid = struct.unpack("3i", raw)
    return pid, uid


class Operator:
    """A connection on which the operator's calls are made, one at a time; `hello` was said when it exists.

    Raises `NoDaemon` where nothing of ours listens, `Hung` where the daemon does not answer within `seconds`,
    `VersionMismatch` where it speaks another version, `Refused` where it takes no operator from this process.
    """

    def __init__(
        self, places: "HasSocket | Where", *, connect: float = CONNECT_SECONDS, seconds: float = ANSWER_SECONDS
    ) -> None:
        self.path = os.fspath(places.operator_sock)
        self.seconds = seconds
        self._next = 0
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.pid = self._connect(connect)
            hello = self._within(connect, "hello", {"version": PROTOCOL})
        except Closed:
            self.close()
            raise Refused("refused", HUNG_UP) from None
        except Refused as error:
            self.close()
            if error.code != "version":
                raise
            raise VersionMismatch(
                f"the daemon refuses protocol version {PROTOCOL}: {error}; restart it with this version"
            ) from None
        except BaseException:
            self.close()
            raise
        if not isinstance(hello, dict) or hello.get("version") != PROTOCOL:
            self.close()
            raise VersionMismatch(f"the daemon speaks another protocol version than {PROTOCOL}; restart it with this version")

    def _connect(self, seconds: float) -> int:
        self._socket.settimeout(seconds)
        try:
            self._socket.connect(self.path)
        except TimeoutError:
            raise Hung(f"the daemon at {self.path} takes no connection within {seconds:g} s", 0) from None
        except BlockingIOError:  # the listen queue is full: nobody accepts any more
            raise Hung(f"the daemon at {self.path} takes no connection", 0) from None
        except OSError as error:
            raise NoDaemon(f"no daemon answers at {self.path}: {error.strerror or error}") from None
        pid, uid = peer_of(self._socket)
        if uid != os.getuid():
            raise NoDaemon(f"the socket {self.path} is served by user id {uid}, not by yours: nothing was sent")
        return pid

    def call(self, method: str, /, **params: object) -> "Any":
        """The result of one operator call. Raises `Refused(code)`, `Hung`, `NoDaemon`; nothing is sent twice."""
        return self._within(self.seconds, method, params)

    def event(self, seconds: float) -> "dict[str, Any] | None":
        """The next line that came unasked after `subscribe`, None when none comes within `seconds`. Raises `NoDaemon`.

        Lines that come during a call are dropped: the answer of that call is newer than they are.
        """
        try:
            return self._line(time.monotonic() + seconds)
        except TimeoutError:
            return None
        except OSError as error:
            raise Closed(f"the connection to the daemon broke: {error.strerror or error}") from None

    def _within(self, seconds: float, method: str, params: "dict[str, object]") -> "Any":
        self._next += 1
        try:
            line = json.dumps({"id": self._next, "method": method, "params": params}, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError as error:
            raise Refused("usage", f"{method}: {error.object[error.start : error.end]!r} is not UTF-8 text") from None
        if len(line) > LINE_LIMIT:
            raise Refused("usage", f"{method}: {len(line)} bytes, the limit of a line is {LINE_LIMIT}")
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(line)
            while True:
                answer = self._line(deadline)
                if answer.get("id") in (self._next, NOT_READ):
                    break
        except TimeoutError:
            raise Hung(f"the daemon (pid {self.pid}) did not answer {method} within {seconds:g} s", self.pid) from None
        except OSError as error:
            raise Closed(f"the connection to the daemon broke during {method}: {error.strerror or error}") from None
        if "error" in answer:
            why = answer["error"]
            if not isinstance(why, dict):
                raise NoDaemon("the daemon's answer makes no sense: error is no object")
            raise Refused(str(why.get("code", "internal")), str(why.get("message", "no reason given")))
        return answer.get("result")

    def _line(self, deadline: float) -> "dict[str, Any]":
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            more = self._socket.recv(65536)
            if not more:
                raise Closed("the daemon closed the connection without an answer")
            self._rest += more
            if len(self._rest) > LINE_LIMIT and b"\n" not in self._rest:
                raise NoDaemon(f"the daemon's answer is longer than {LINE_LIMIT} bytes")
        raw, self._rest = self._rest.split(b"\n", 1)
        try:
            answer = json.loads(raw)
        except ValueError as error:
            raise NoDaemon(f"the daemon's answer is no JSON: {error}") from None
        if not isinstance(answer, dict):
            raise NoDaemon("the daemon's answer is no JSON object")
        return answer

    def close(self) -> None:
        """Ends the connection; calling it twice does no harm."""
        self._socket.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
