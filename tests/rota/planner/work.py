"""Work for the planner's process that never ends, or fails."""

from dispatch.clock import SystemClock


def endless(solver, tell):
    """Never come back, whatever is said."""
    import threading

    while True:
        SystemClock().wait(threading.Event(), 60)


def faulty(solver, tell):
    """Fail."""
    return 1 / 0
