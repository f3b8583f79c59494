"""Many nights: each processor lives through nights of its own, for a night is its seed alone.

What comes of them is either counted or, of the first night that broke a rule, said: the seed and
its last steps.
"""

import atexit
import functools
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.simulation.night import Broken, Count, Night
from tests.simulation.world import World

#: As many nights are given to a processor at a time.
_SHARE = 20


def lived(seeds: range, kind: type[Night] = Night) -> Iterator[Count | str]:
    """Give what happened in so many nights at a time, on every processor."""
    parts = [seeds[at : at + _SHARE] for at in range(0, len(seeds), _SHARE)]
    processes = min(len(parts), os.cpu_count() or 1)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(functools.partial(_live, kind=kind), parts)
        finally:
            pool.shutdown(cancel_futures=True)


def told(
    seeds: range, say: Callable[[str], None], kind: type[Night] = Night
) -> Iterator[Count | str]:
    """Give what happened in each night, and say its every step."""
    return (_live([seed], say, kind) for seed in seeds)


def _live(
    seeds: Iterable[int], say: Callable[[str], None] | None = None, kind: type[Night] = Night
) -> Count | str:
    total = Count()
    try:
        for seed in seeds:
            total.add(kind(_world(), seed, say).run())
    except Broken as broken:
        return str(broken)
    return total


@functools.cache
def _world() -> World:
    """Return this process's centre, which ends with it."""
    folder = tempfile.TemporaryDirectory()
    world = World(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(world.close)
    return world
