"""Secrets in a growing log: where they stand, each line once, through rotation, in bounded pieces of time."""

from pathlib import Path

import pytest

from controlroom.sensing.log_secrets import LogSecrets
from controlroom.sensing.tail import MOST_LINE

TOKEN = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"
OTHER = TOKEN.replace("Zk3v", "Yk3v")


def mark(secret: str) -> str:
    return "1" * 16 if secret == TOKEN else "2" * 16


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def lines(scan: LogSecrets) -> list[tuple[int, str]]:
    return [(hit.line, hit.mark[0]) for hit in scan.look(10)]


@pytest.mark.row("R14")
def test_lines_are_counted_from_one_and_told_once(log: Path) -> None:
    log.write_text(f"a\nb\nx={TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    assert lines(scan) == [(3, "1")] and lines(scan) == []
    with log.open("a") as file:
        file.write(f"c\ny={OTHER} {TOKEN}\n")
    assert lines(scan) == [(5, "2"), (5, "1")]
    assert scan.left() == 0
    scan.close()


def test_a_new_file_under_the_name_is_counted_from_one(log: Path) -> None:
    log.write_text(f"a\nx={TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    assert lines(scan) == [(2, "1")]
    log.rename(log.with_suffix(".1"))
    log.write_text(f"x={OTHER}\n")
    assert lines(scan) == [(1, "2")]
    log.write_text(f"a\nb\nc\nx={TOKEN}\n")
    assert lines(scan) == [(4, "1")]
    scan.close()


def test_without_time_it_goes_on_where_it_stopped(log: Path) -> None:
    log.write_text("".join(f"{n} {'x' * 1000}\n" for n in range(300)) + f"x={TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    found, looks = [], 0
    while scan.left():
        found += [hit.line for hit in scan.look(0)]
        looks += 1
    assert found == [301] and looks > 2
    scan.close()


def test_what_a_long_line_hides_is_said(log: Path) -> None:
    log.write_text("x" * (MOST_LINE + 500) + f" {TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    assert lines(scan) == [] and scan.left() == 500 + 1 + len(TOKEN)
    scan.close()
