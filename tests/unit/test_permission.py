"""Whether a number may be called: one function, every reason, and nothing that overrules a no."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tools.opting_out import is_opt_out
from tools.permission import (
    SHIPPED,
    Consent,
    Listing,
    Record,
    Rules,
    RulesError,
    Verdict,
    load_rules,
    may_call,
    next_allowed,
)

NEW_YORK, DELHI, LONDON = "+12125550142", "+919876543210", "+442079460018"
IDAHO = "+12085550123"  # in two zones, Mountain and Pacific
TUESDAY = datetime(2026, 11, 24, 15, tzinfo=UTC)  # ten in New York, 20:30 in Delhi
RULES = load_rules(None, frozenset({"US", "IN", "GB", "JM"}))
WRITTEN = Consent(
    purpose="marketing", strength="written", proof="form 7", given_at=TUESDAY - timedelta(days=9)
)
AGREED = Record(consents=(WRITTEN,))


def codes(number: str, now: datetime = TUESDAY, record: Record = AGREED, **asked: Any) -> list[str]:
    return [
        one.code
        for one in may_call(number, now, asked.pop("rules", RULES), record, **asked).reasons
    ]


def test_a_number_that_agreed_may_be_called_in_the_day() -> None:
    assert may_call(NEW_YORK, TUESDAY, RULES, AGREED).allowed


def test_every_reason_is_listed_each_with_a_sentence() -> None:
    record = Record(listings=(Listing(source="own", since=TUESDAY),), attempts=(TUESDAY,) * 9)
    night = datetime(2026, 12, 25, 4, tzinfo=UTC)
    rules = RULES.model_copy(update={"allowed_countries": frozenset()})
    verdict = may_call(DELHI, TUESDAY.replace(hour=20), rules, record)
    assert [one.code for one in verdict.reasons] == [
        "country_not_allowed", "do_not_call", "no_consent", "outside_hours",
        "daily_cap", "weekly_cap", "cooldown", "number_series",
    ]  # fmt: skip
    assert all(one.sentence.endswith(".") for one in verdict.reasons)
    assert "DIALGRAPH_CALL_COUNTRIES" not in str(verdict)  # which a model may read out
    assert "DIALGRAPH_CALL_COUNTRIES" not in str(verdict.advised)  # which would not help
    assert "Nothing takes a number off it" in str(verdict.advised)
    unlisted = may_call(DELHI, TUESDAY, rules, Record())
    assert "name IN in DIALGRAPH_CALL_COUNTRIES" in str(unlisted.advised)
    assert codes(NEW_YORK, night) == ["outside_hours"]  # still the 24th there
    assert codes(NEW_YORK, night + timedelta(hours=12)) == ["holiday"]


def test_missing_consent_says_how_to_write_it_down_and_for_whom() -> None:
    verdict = may_call(NEW_YORK, TUESDAY, RULES, Record(), organisation="workspace")
    assert str(verdict) == "Consent to marketing calls is not on record."
    command = "permission allow NUMBER --organisation workspace --purpose marketing --written"
    assert command in str(verdict.advised)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+881612345678", "number_type"),  # satellite
        ("+19005550142", "number_type"),  # premium rate
        ("+447011234567", "number_type"),  # personal number
        ("+18095551234", "country_not_allowed"),  # Dominican Republic, under +1
        ("+4915112345678", "country_not_allowed"),
        ("+15550100142", "invalid_number"),
        ("2125550142", "invalid_number"),
        ("+1 (212) 555", "invalid_number"),
        ("", "invalid_number"),
        ("sip:a@b", "invalid_number"),
    ],
)
def test_a_destination_of_toll_fraud_is_refused(number: str, code: str) -> None:
    assert code in codes(number)


def test_no_country_is_allowed_until_it_is_named() -> None:
    assert codes(NEW_YORK, rules=load_rules()) == ["country_not_allowed"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "service"}, "no_consent"),
        ({"strength": "express"}, "consent_too_weak"),
        ({"expires_at": TUESDAY}, "consent_expired"),
        ({"revoked_at": TUESDAY}, "consent_revoked"),
        ({"given_at": TUESDAY + timedelta(seconds=1)}, "no_consent"),
    ],
)
def test_consent_must_be_for_this_strong_enough_and_in_force(
    change: dict[str, Any], code: str
) -> None:
    record = Record(consents=(WRITTEN.model_copy(update=change),))
    assert codes(NEW_YORK, record=record) == [code]


def test_who_asked_to_be_called_back_needs_no_other_consent() -> None:
    assert codes(NEW_YORK, record=Record(), purpose="callback") == []


def test_the_hours_are_those_where_the_callee_lives() -> None:
    assert codes(NEW_YORK, TUESDAY.replace(hour=12, minute=59)) == ["outside_hours"]
    assert codes(NEW_YORK, TUESDAY.replace(hour=13)) == []
    assert codes(NEW_YORK, datetime(2026, 11, 25, 1, 59, tzinfo=UTC)) == []
    assert codes(NEW_YORK, datetime(2026, 11, 25, 2, 0, tzinfo=UTC)) == ["outside_hours"]


def test_all_zones_of_a_number_must_allow() -> None:
    eight_in_the_mountains = TUESDAY.replace(hour=15)
    assert codes(IDAHO, eight_in_the_mountains) == ["outside_hours"]  # seven at the Pacific
    assert codes(IDAHO, TUESDAY.replace(hour=16)) == []


def test_caps_and_cooldown_look_back_from_now() -> None:
    def after(*hours: float) -> list[str]:
        attempts = tuple(TUESDAY - timedelta(hours=one) for one in hours)
        return codes(NEW_YORK, record=Record(consents=(WRITTEN,), attempts=attempts))

    assert after(3) == ["cooldown"]
    assert after(5) == []
    assert after(5, 10, 23) == ["daily_cap"]
    assert after(5, 10, 25) == []
    assert after(25, 49, 73, 97, 121, 145, 167) == ["weekly_cap"]


def test_india_is_called_from_its_number_series_only() -> None:
    noon = TUESDAY.replace(hour=6)
    assert codes(DELHI, noon) == ["number_series"]
    assert codes(DELHI, noon, from_number="+911401234567") == []
    assert codes(DELHI, noon, from_number=NEW_YORK) == ["number_series"]
    service = Consent(purpose="service", proof="contract", given_at=noon - timedelta(days=1))
    asked = {"record": Record(consents=(service,)), "purpose": "service"}
    assert codes(DELHI, noon, from_number="+911401234567", **asked) == ["number_series"]
    assert codes(DELHI, noon, from_number="+911600123456", **asked) == []


def test_what_is_refused_for_now_says_when_it_may_be() -> None:
    night = datetime(2026, 11, 24, 5, 7, tzinfo=UTC)
    assert may_call(NEW_YORK, night, RULES, AGREED).temporary
    assert next_allowed(NEW_YORK, night, RULES, AGREED) == TUESDAY.replace(hour=13)
    assert next_allowed(NEW_YORK, TUESDAY, RULES, AGREED) == TUESDAY
    assert next_allowed(NEW_YORK, night, RULES, Record()) is None


moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)
numbers = st.sampled_from([NEW_YORK, DELHI, LONDON, IDAHO, "+18765551234", "+15550100"])
consents = st.builds(
    Consent,
    purpose=st.sampled_from(["marketing", "service", "callback"]),
    strength=st.sampled_from(["express", "written"]),
    proof=st.just("p"),
    given_at=moments,
    expires_at=st.none() | moments,
    revoked_at=st.none() | moments,
)
listings = st.builds(Listing, source=st.sampled_from(["own", "tps"]), since=moments)
records = st.builds(
    Record,
    consents=st.lists(consents, max_size=3).map(tuple),
    listings=st.lists(listings, max_size=2).map(tuple),
    attempts=st.lists(moments, max_size=5).map(tuple),
)
asked = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["marketing", "service", "callback"]),
        "from_number": st.sampled_from([None, NEW_YORK, "+911401234567", "+911600123456"]),
    }
)


@settings(max_examples=100, deadline=None)
@given(numbers, moments, records, listings, asked)
def test_a_number_on_a_list_is_never_called_whatever_else(
    number: str, now: datetime, record: Record, listing: Listing, asked: dict[str, Any]
) -> None:
    listed = record.model_copy(update={"listings": (*record.listings, listing)})
    assert "do_not_call" in codes(number, now, listed, **asked)


@settings(max_examples=100, deadline=None)
@given(numbers, moments, records, records, asked, st.data())
def test_more_on_the_record_never_makes_a_call_possible(
    number: str,
    now: datetime,
    record: Record,
    more: Record,
    asked: dict[str, Any],
    data: st.DataObject,
) -> None:
    """Lists and attempts that are added, consents that are withdrawn, countries that are closed."""
    kept = tuple(one for one in record.consents if data.draw(st.booleans()))
    withdrawn = tuple(
        one if one in kept else one.model_copy(update={"revoked_at": one.given_at})
        for one in record.consents
    )
    worse = Record(
        consents=withdrawn,
        listings=record.listings + more.listings,
        attempts=record.attempts + more.attempts,
    )
    fewer = RULES.model_copy(update={"allowed_countries": frozenset({"US"})})
    before = codes(number, now, record, **asked)
    if before:
        assert codes(number, now, worse, **asked)
        assert codes(number, now, record, rules=fewer, **asked)
    consent = {code for code in before if "consent" in code}
    assert set(before) - consent <= set(codes(number, now, worse, **asked))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), moments)
def test_any_text_is_answered(number: str, now: datetime) -> None:
    assert isinstance(may_call(number, now, RULES, AGREED), Verdict)


def test_the_rules_say_what_was_verified_and_where_it_is_from() -> None:
    text = SHIPPED.read_text()
    assert "one-to-one consent was vacated" in text
    assert not RULES.of("IN").verified and "not verified" in RULES.of("IN").note
    assert all(country.source for country in [RULES.default, *RULES.countries.values()])


def test_a_file_of_rules_that_cannot_be_used_is_refused(tmp_path: Any) -> None:
    for text in ("", "- a", "version: 1", SHIPPED.read_text().replace("per_day: 3", "per_day: -1")):
        file = tmp_path / f"{len(text)}.yaml"
        file.write_text(text)
        with pytest.raises(RulesError):
            load_rules(file)


def test_a_consent_without_proof_is_none() -> None:
    with pytest.raises(ValidationError):
        Consent(purpose="marketing", proof="", given_at=TUESDAY)


@pytest.mark.parametrize(
    "message",
    ["STOP", "stop.", " Stop please! ", "Don’t call me", "unsubscribe", "कॉल मत करो",
     "call mat karo", "ARRÊT", "arret", "No me llame, por favor", "Stopp!", "não me ligue",
     "توقف", "ＳＴＯＰ", "𝐒𝐓𝐎𝐏"],
)  # fmt: skip
def test_stop_is_understood_in_several_languages(message: str) -> None:
    assert is_opt_out(message)


@pytest.mark.parametrize(
    "message", ["", "stop by tomorrow at ten", "When does it end?", "yes", "ok", "🛑", "please"]
)
def test_other_messages_are_not_taken_for_stop(message: str) -> None:
    assert not is_opt_out(message)


def test_rules_are_frozen() -> None:
    with pytest.raises(ValidationError):
        RULES.version = "other"  # type: ignore[misc]
    assert isinstance(RULES, Rules)


def test_the_owner_is_rung_at_any_hour_and_in_any_country_but_not_against_their_word() -> None:
    night, nobody = TUESDAY.replace(hour=4), RULES.model_copy(update={"allowed_countries": set()})
    busy = Record(attempts=(night,) * 9)
    assert codes(NEW_YORK, night, busy, purpose="owner", rules=nobody) == []
    listed = Record(listings=(Listing(source="own", since=TUESDAY),))
    assert codes(NEW_YORK, night, listed, purpose="owner") == ["do_not_call"]
    assert codes("+19005550123", night, purpose="owner") != []  # premium rate
    assert codes("+1555", purpose="owner") == ["invalid_number"]
