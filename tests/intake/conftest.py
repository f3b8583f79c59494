"""A centre that takes alerts in."""

import pytest

from dispatch.db import Store
from tests.centre import Centre, Sender, build


@pytest.fixture
def centre(store: Store) -> Centre:
    """The small centre, on each database."""
    return build(store)


@pytest.fixture
def sender(store: Store, centre: Centre) -> Sender:
    """What sends to it."""
    return Sender(store, centre)
