"""What was keyed in a call, as a document."""

import pytest

from dispatch.intake import keyed
from dispatch.intake.own import Unreadable


def test_what_was_keyed_is_read_from_what_was_written() -> None:
    alert = keyed.read(keyed.document("dender", "fatal_crash", "+3253000111"))
    assert (alert.organisation, alert.category) == ("dender", "fatal_crash")
    assert (alert.contact.phone, alert.contact.call_back) == ("+3253000111", True)
    assert keyed.read(keyed.document("dender", "", "+3253000111")).category is None


@pytest.mark.parametrize("number", ["", "053000111", "+3253 the victim is An", "+1" * 9])
def test_nothing_but_a_number_is_texted_as_one(number: str) -> None:
    with pytest.raises(Unreadable):
        keyed.read(keyed.document("dender", "", number))
