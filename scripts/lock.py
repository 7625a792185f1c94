"""Writes the hash-locked requirements from pyproject.toml: run.txt (what controlroom needs), dev.txt (what its making needs).

No index, host or folder of the machine that locks gets into the files: whoever installs uses the source of their own.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SILENT = ("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options")


def compile_lock(wanted: list[str], output: Path, constraint: Path | None = None) -> None:
    """Resolve `wanted` to exact versions with the hash of every known file; raises CalledProcessError when it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{output.stem}.in"
        lines = [*wanted, *([f"-c {constraint}"] if constraint else [])]
        source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "piptools",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--allow-unsafe",
            "--strip-extras",
        ]
        command += [*SILENT, "--no-annotate", "--output-file", str(output), str(source)]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "CUSTOM_COMPILE_COMMAND": "make lock"})


def main() -> None:
    """Lock both sets; dev.txt agrees with run.txt and also holds what an offline editable build of the project needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run = ROOT / "requirements" / "run.txt"
    compile_lock(project["project"]["dependencies"], run)
    build = [*project["build-system"]["requires"], "editables"]
    compile_lock([*project["dependency-groups"]["dev"], *build], ROOT / "requirements" / "dev.txt", run)


if __name__ == "__main__":
    main()
