"""Runs nights until one breaks a rule: `make simulate ARGS="--nights 20000 --seed 1"`.

`--seed N --nights 1 --tell` replays one night as sentences. Prints what was counted, and exits 1
with the seed and the last steps of a night that broke a rule.
"""

import argparse
import sys

from dispatch.clock import monotonic
from tests.simulation import many
from tests.simulation.night import Count, Night
from tests.simulation.watch import WatchedNight

_EVERY = 500


def main(argv: list[str]) -> int:
    """Run so many nights from a seed on."""
    parser = argparse.ArgumentParser(prog="make simulate", description="Live through nights.")
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first night; then one by one")
    parser.add_argument(
        "--watched", action="store_true", help="nights of tests/simulation/watch.py"
    )
    parser.add_argument("--tell", action="store_true", help="print every step")
    given = parser.parse_args(argv)
    seeds = range(given.seed, given.seed + given.nights)
    total, begun = Count(), monotonic()
    kind = WatchedNight if given.watched else Night
    for lived in many.told(seeds, _say, kind) if given.tell else many.lived(seeds, kind):
        if isinstance(lived, str):
            _say(lived)
            return 1
        before = total.nights // _EVERY
        total.add(lived)
        if total.nights // _EVERY > before:
            _say(f"{total.nights} nights, {total.nights / (monotonic() - begun):.1f} a second")
    _say("\n".join(total.sentences()))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
