"""A pid that means another process now is never signalled: in a PID namespace so small that pids come round at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from controlroom.containment import processes, sweep
from controlroom.model.agent import Handle, Rung
from controlroom.containment import hold
try:
    Path("/proc/sys/kernel/pid_max").write_text("400")
except OSError as error:
    sys.exit(f"SKIP {error}")
def child():
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid
def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
first = child()
while first < 320:  # the kernel begins again at 300, so only a pid above comes round
    end(first)
    first = child()
old = processes.identify(first)
end(first)
time.sleep(0.05)
deadline = time.monotonic() + 20
while (again := child()) != first:
    assert time.monotonic() < deadline, "the pid never came round"
    end(again)
assert processes.send(old, signal.SIGKILL) is False
assert processes.open_pidfd(old) is None
assert not processes.is_alive(old)
handle = Handle("s", "s", Rung.OBSERVED, root=old)
for act in (hold.freeze, hold.thaw, hold.stop, hold.kill):
    act(handle)
assert os.waitpid(again, os.WNOHANG) == (0, 0), "the new process was hit"
while processes.read_stat(again).state != "S":
    assert time.monotonic() < deadline, "the new process does not sleep as it did"
os.kill(again, signal.SIGKILL)
print("held")
"""


@pytest.mark.row("K01")
def test_the_new_process_behind_an_old_pid_is_left_alone() -> None:
    if os.getuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare for a PID namespace with a pid_max of its own")
    wrapped = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", SCRIPT]
    host = Path("/proc/sys/kernel/pid_max").read_text()
    done = subprocess.run(wrapped, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    if Path("/proc/sys/kernel/pid_max").read_text() != host:
        Path("/proc/sys/kernel/pid_max").write_text(host)
        pytest.skip("needs a kernel whose pid_max belongs to the namespace (6.14)")
    if done.stderr.startswith("SKIP"):
        pytest.skip(f"needs a pid_max that can be set in the namespace: {done.stderr}")
    assert done.stdout == "held\n", done.stderr
