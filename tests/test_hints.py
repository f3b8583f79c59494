"""Hints between processes: a listener is there whatever others do."""

import threading
from pathlib import Path

from dispatch.hints import DatagramHints


def test_a_listener_is_there_although_others_remove_the_folder_at_that_moment(tmp_path: Path):
    ours, theirs = (DatagramHints(str(tmp_path / "x.db")) for _ in range(2))
    ended = threading.Event()

    def remove() -> None:
        while not ended.is_set():
            theirs.close()

    remover = threading.Thread(target=remove, daemon=True)
    remover.start()
    try:
        for _ in range(200):
            listener = ours.listen(["screens"])
            ours.send(["screens"])
            assert listener.wait(5)
            listener.close()
    finally:
        ended.set()
        remover.join()
        ours.close()
