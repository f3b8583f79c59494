"""A centre that takes alerts in."""

import pytest

from dispatch.db import Store
from tests.centre import Centre, build


@pytest.fixture
def centre(store: Store) -> Centre:
    """The small centre, on each database."""
    return build(store)
