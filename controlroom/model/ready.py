"""Decoding in several threads: what msgspec needs before."""

import contextlib
from threading import Lock

import msgspec

_ONE = Lock()


def ready_for_threads() -> None:
    """Has msgspec read the fields of every Struct that is imported now. To be called before a second thread decodes anything,
    and by a thread that has imported something, before it decodes: another one may import the same just then.

    msgspec reads them when a type is decoded first, and shows it half read to other threads meanwhile: one that decodes the
    same type just then ends the process by a segmentation fault (0.22.0, measured: `tests/model/test_ready.py`).
    """
    with _ONE:
        todo: list[type[msgspec.Struct]] = [msgspec.Struct]
        while todo:
            for struct in todo.pop().__subclasses__():
                todo.append(struct)
                with contextlib.suppress(TypeError, NameError):  # of one that is never decoded
                    msgspec.json.Decoder(struct)
