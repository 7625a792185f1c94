"""Secrets in a growing log: where they stand, each line once, through rotation, in bounded pieces of time."""

from pathlib import Path

import pytest

from controlroom.sensing.log_secrets import PIECE, LogSecrets

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


def test_a_line_of_any_length_is_looked_at_to_its_end(log: Path) -> None:
    log.write_text("a\n" + f"{'x' * 3 * PIECE} {TOKEN}{' y' * PIECE} {OTHER} {TOKEN}\nz={TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    assert lines(scan) == [(2, "1"), (2, "2"), (3, "1")] and scan.left() == 0
    scan.close()


@pytest.mark.parametrize("before", range(PIECE - len(TOKEN) - 3, PIECE + 3))
def test_a_secret_that_lies_over_the_end_of_a_piece_is_one(log: Path, before: int) -> None:
    log.write_text(f"{'x' * before} {TOKEN} {'x' * 10} {OTHER}\n")
    scan = LogSecrets(str(log), mark)
    assert lines(scan) == [(1, "1"), (1, "2")]
    scan.close()


def test_what_tells_a_secret_may_lie_in_the_piece_before_it(log: Path) -> None:
    log.write_text(f"{'x' * (PIECE - 20)} password='one two three four five six' {'x' * PIECE}\n")
    scan = LogSecrets(str(log), lambda secret: secret)
    assert [(hit.kind, hit.mark) for hit in scan.look(10)] == [("password", "one two three four five six")]
    scan.close()


def test_a_secret_that_is_longer_than_what_is_looked_at_again_is_told(log: Path) -> None:
    log.write_text(f"{'x' * 40_000} password='{'secret ' * 20_000}' {TOKEN}\n")
    scan = LogSecrets(str(log), mark)
    assert {hit.kind for hit in scan.look(10)} == {"password", "github"}
    scan.close()


def test_a_line_that_grows_while_it_is_read_is_one_line(log: Path) -> None:
    scan = LogSecrets(str(log), mark)
    found = []
    with log.open("w") as file:
        for part in ("x" * PIECE, "x" * PIECE, f" {TOKEN[:12]}", f"{TOKEN[12:]} ", "y" * PIECE, f"\nz={OTHER}\n"):
            file.write(part)
            file.flush()
            found += lines(scan)
    assert found == [(1, "1"), (2, "2")]
    scan.close()
