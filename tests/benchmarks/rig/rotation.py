"""The rotation that rota tools offer: whoever has been idle longest takes the next turn.

As the best known of them fills a role: new people first, then the one whose last turn ended
longest ago, skipping who is on leave or has a turn at that time. It knows nothing else.
"""

from dispatch.rota.problem import Need, Officer, Problem, Seat


def longest_idle(problem: Problem) -> frozenset[Seat]:
    """Return the seats of the rotation."""
    ended = {
        officer.id: max((past.ends_at.timestamp() for past in officer.before), default=0.0)
        for officer in problem.people
    }
    seats: set[Seat] = set()
    serving: dict[int, list[Need]] = {officer.id: [] for officer in problem.people}
    for need in sorted(problem.needs, key=lambda need: need.starts_at):
        free = [officer for officer in problem.people if _free(officer, need, serving)]
        free.sort(key=lambda officer: (ended[officer.id], officer.id))
        for officer in free[: need.wanted]:
            seats.add((need.id, officer.id))
            serving[officer.id].append(need)
            ended[officer.id] = need.ends_at.timestamp()
    return frozenset(seats)


def _free(officer: Officer, need: Need, serving: dict[int, list[Need]]) -> bool:
    taken = [(away.starts_at, away.ends_at) for away in officer.away]
    taken += [(other.starts_at, other.ends_at) for other in serving[officer.id][-1:]]
    return not any(starts < need.ends_at and need.starts_at < ends for starts, ends in taken)
