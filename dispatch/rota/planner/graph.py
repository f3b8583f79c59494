"""Which blocks one person cannot take beside which others.

All that is hard between two blocks goes into one graph, whose cliques become "at most one of
these": far tighter for the solver than a clause for each two.
"""

from collections.abc import Iterable, Iterator, Mapping


class Graph:
    """The blocks by place, and which exclude each other."""

    def __init__(self, count: int, edges: Iterable[tuple[int, int]]) -> None:
        self.beside: list[set[int]] = [set() for _ in range(count)]
        self.never: list[int] = []
        """Blocks that break a rule all by themselves."""
        for one, other in edges:
            if one == other:
                self.never.append(one)
            else:
                self.beside[one].add(other)
                self.beside[other].add(one)
        self.cliques = list(self._cliques())

    def room(self, amounts: Mapping[int, int]) -> int:
        """Return an amount that nobody exceeds, of blocks that amount to so much each."""
        most, largest = 0, 0
        clique: list[int] = []
        for place, amount in amounts.items():
            if any(place not in self.beside[other] for other in clique):
                most, clique, largest = most + largest, [], 0
            clique.append(place)
            largest = max(largest, amount)
        return most + largest

    def _cliques(self) -> Iterator[tuple[int, ...]]:
        """Yield sets of blocks of which one person takes at most one, with every edge in one."""
        covered: set[tuple[int, int]] = set()
        for one, others in enumerate(self.beside):
            for other in sorted(later for later in others if later > one):
                if (one, other) in covered:
                    continue
                clique = [one, other]
                common = others & self.beside[other]
                for more in sorted(common):
                    if more in common:
                        clique.append(more)
                        common &= self.beside[more]
                clique.sort()
                covered.update((a, b) for at, a in enumerate(clique) for b in clique[at + 1 :])
                yield tuple(clique)
