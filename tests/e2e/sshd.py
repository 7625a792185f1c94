"""A real sshd of the case's own: its own keys and settings, one port on loopback, nothing of the machine's."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlroom.containment import processes
from tests.support.waiting import eventually

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PRIVSEP = Path("/run/sshd")  # sshd insists on it when it runs as root
SETTINGS = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/login.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
"""


@dataclass
class Host:
    """Where it listens, and how to log in."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def client(self, command: str) -> list[str]:
        """`ssh` with a terminal, to run this command line."""
        options = ("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={os.devnull}", "-o", "LogLevel=ERROR")
        key = ("-F", os.devnull, "-p", str(self.port), "-i", str(self.folder / "login"))
        return ["ssh", "-tt", *key, *options, f"{getpass.getuser()}@127.0.0.1", command]

    def drop(self) -> None:
        """Every connection is cut, as by a network that goes away."""
        for part in processes.forest([self.process.pid]):
            if part.name.startswith("sshd"):
                os.kill(part.pid, signal.SIGKILL)


@contextmanager
def listen(folder: Path) -> Iterator[Host]:
    """An sshd that answers. Skips the case, in words, where there can be none."""
    if not Path(SSHD).exists():
        pytest.skip("sshd is missing (Debian: apt-get install openssh-server)")
    folder.mkdir(mode=0o700)
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (folder / "config").write_text(SETTINGS.format(port=port, folder=folder), encoding="utf-8")
    with (folder / "log").open("wb") as log:
        command = [*_privileges(), SSHD, "-D", "-e", "-f", str(folder / "config")]
        process = subprocess.Popen(command, stderr=log, start_new_session=True)
    host = Host(folder, port, process)
    try:
        eventually(lambda: process.poll() is not None or _open(port), 20, "sshd listens")
        if process.poll() is not None:
            pytest.skip(f"sshd does not run here: {(folder / 'log').read_text(encoding='utf-8').strip()[-300:]}")
        yield host
    finally:
        if process.poll() is None:
            host.drop()
        process.wait(10)


def _privileges() -> Sequence[str]:
    """As root it needs a folder that only a boot makes: given to it in a mount namespace of its own."""
    if os.getuid() != 0 or PRIVSEP.is_dir():
        return ()
    if shutil.which("unshare") is None:
        pytest.skip(f"{PRIVSEP} is missing, which sshd insists on, and there is no unshare to make it for sshd alone")
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none /run && mkdir -m 755 {PRIVSEP} && exec "$0" "$@"')


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
