"""Makes the pictures under screenshots/ again, from the running program.

What differs from run to run (ids, process numbers, milliseconds, temporary folders) is replaced, so that a picture changes only
when the program does.
"""

import re
import subprocess
import sys
from pathlib import Path

from controlroom.cli.demo import NotAsTold
from scripts import pictures, story

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "screenshots"
STEADY = (
    (r"cr-demo-\w{8}", "cr-demo-xxxxxxxx"),
    (r"\bpid \d+", "pid 4242"),
    (r"\b[0-9a-f]{16}\b", "0123456789abcdef"),
    (r"(EMERGENCY STOP) [0-9a-f]{8}\b", r"\1 01234567"),
    (r"\bafter \d+ ms", "after 9 ms"),
    (r"operator:[\w-]+", "operator:you"),
    (r"\b\d+ records", "29 records"),
    (r"after number \d+", "after number 29"),
)


def steady(text: str) -> str:
    """The text without what is different in every run."""
    for pattern, stand_in in STEADY:
        text = re.sub(pattern, stand_in, text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def main() -> int:
    """Take every picture; 1 when the program fails in front of the camera."""
    PICTURES.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "controlroom"), "demo", "--headless"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
        print(f"screenshots: controlroom demo --headless ended with {done.returncode}: no picture was changed", file=sys.stderr)
        return 1
    try:
        pictures.keep(story.record())
    except (NotAsTold, TimeoutError) as error:
        print(f"screenshots: the story did not come true: {error}: no picture was changed", file=sys.stderr)
        return 1
    picture = PICTURES / "demo-headless.txt"
    picture.write_text(f"$ controlroom demo --headless\n{steady(done.stdout)}", encoding="utf-8")
    for name, drawn in pictures.all_of(pictures.told()):
        (PICTURES / f"{name}.svg").write_text(drawn, encoding="utf-8")
    print(f"screenshots: {PICTURES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
