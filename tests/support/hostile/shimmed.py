"""`python -m tests.support.hostile.shimmed MODE SPEC FOLDER`: become the shim of one session and write down what it tells."""

import sys
from pathlib import Path

import msgspec

from controlroom.containment import shim
from controlroom.containment.cage import Report
from controlroom.containment.launch import Spec
from controlroom.model.agent import Handle, Survivor


def main(mode: str, spec_file: str, folder: str) -> int:
    """Run it; the exit status is the agent's."""
    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=Spec)

    def write(name: str, value: object) -> None:
        temporary = Path(folder, f".{name}")
        temporary.write_bytes(msgspec.json.encode(value))
        temporary.replace(Path(folder, name))

    def ready(handle: Handle, report: Report) -> None:
        if Path(folder, "refuse").exists():
            raise RuntimeError("the daemon refused the session")
        write("report.json", report)
        write("handle.json", handle)

    def ended(status: int, left: list[Survivor], thrown: list[str]) -> None:
        write("exit.json", {"status": status, "left": [one.why for one in left], "thrown": thrown})

    run = shim.run_attached if mode == "attached" else shim.run_detached
    return run(spec, ready, ended)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
