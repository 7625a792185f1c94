"""The pictures are what the room looks like today: each is drawn again from the recorded story and compared.

`make screenshots` records the story anew and draws them all.
"""

import pytest

from scripts import pictures


@pytest.mark.parametrize("name", pictures.NAMES)
def test_the_picture_is_what_the_room_looks_like(name: str) -> None:
    kept = (pictures.PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    now = pictures.drawn(pictures.told(), name)
    assert now == kept, f"screenshots/{name}.svg is old: make screenshots, and look at it"


def test_no_picture_is_left_over() -> None:
    assert {file.stem for file in pictures.PICTURES.glob("*.svg")} == set(pictures.NAMES)


@pytest.mark.parametrize("name", pictures.NAMES)
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    kept = (pictures.PICTURES / f"{name}.svg").read_text(encoding="utf-8")
    assert "url(http" not in kept and "@font-face" not in kept and "<image" not in kept
