"""Where somebody knows people and where they live: what the lines mean, and that only they read."""

import pytest

from dispatch.audit import Actor
from dispatch.errors import Invalid
from dispatch.people import places
from dispatch.people.models import Person
from dispatch.people.places import Places, Spot
from tests.centre import NOW, build

THERE = Spot(postcode="9400", municipality="Ninove", address="Kerkstraat 5, bus 2")


@pytest.mark.parametrize(
    ("line", "tied"),
    [
        ("9400", True),
        ("9400-9409", True),
        ("9390 - 9400", True),
        ("ninove", True),
        ("kerkstraat, 9400", True),
        ("Kerkstraat 5, Ninove", True),
        ("Molenstraat, 9400", False),
        ("Kerkstraat, 9000", False),
        ("Kerkstraat", False),
        ("9401-9409", False),
        ("940", False),
        ("Gent", False),
    ],
)
def test_a_line_means_a_place(line: str, tied: bool) -> None:
    assert Places(ties=(line,)).tied(THERE) is tied


@pytest.mark.parametrize("line", ["9400", "Ninove", "Kerkstraat, 9400", ","])
def test_nobody_is_tied_to_a_place_that_was_not_given(line: str) -> None:
    assert not Places(ties=(line,), home=("9400",)).tied(Spot())
    assert not Places(home=("9400",)).near(Spot(municipality="9400"))


def test_somebody_lives_near_within_the_run() -> None:
    assert Places(home=("9000", "9400-9409")).near(THERE)
    assert not Places(home=("9000",), ties=("9400",)).near(THERE)


def test_what_somebody_says_is_sealed_and_comes_back(store) -> None:
    person = build(store).people["An"]
    with store.write() as session:
        held = session.get_one(Person, person.id)
        an = Actor("person", held.id, held.name)
        places.keep(session, held, " Kerkstraat,  9400 \n\nGent\nGent", "9400", an, NOW)
        assert "Gent" not in held.sealed_places
        assert places.of(session, held) == Places(("Kerkstraat, 9400", "Gent"), ("9400",))
        many = "\n".join(str(number) for number in range(9000, 9099))
        for ties, home in (("Kerkstraat,", ""), ("", "Ninove"), ("x" * 200, ""), (many, "")):
            with pytest.raises(Invalid):
                places.keep(session, held, ties, home, an, NOW)
        assert places.of(session, held).home == ("9400",)
        places.keep(session, held, "", " ", an, NOW)
        assert held.sealed_places == ""
