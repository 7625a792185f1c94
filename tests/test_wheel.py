"""What `pip install .` brings: one wheel with every file of the program in it, that works away from the repository."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    """Standard output of a Python of ours; AssertionError with what it said when it fails."""
    environment = {**os.environ, "HOME": str(cwd), "CONTROLROOM_HOME": str(cwd / "c")}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    [made] = folder.glob("*.whl")
    return made


def test_every_file_of_the_program_is_in_the_wheel(wheel: Path) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "controlroom").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    themes = {f"controlroom/themes/{path.name}" for path in (ROOT / "themes").glob("*.toml")}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert themes
    assert ours | themes <= names
    assert "controlroom/hook.py" in names
    assert {name.split("/")[0] for name in names} == {"controlroom", "controlroom-0.1.0.dist-info"}


def test_the_wheel_works_away_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    run(
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--target",
        str(target),
        str(wheel),
        cwd=tmp_path,
    )
    start = (
        "import sys, controlroom; assert controlroom.__file__.startswith(sys.argv.pop(1)); "
        "from controlroom.cli.start import main; sys.exit(main())"
    )
    told = run("-c", start, str(target), "policy", "check", "--json", "--", "rm", "-rf", "/etc", cwd=tmp_path, path=target)
    assert json.loads(told)["tier"] in {"T3", "TX"}
