"""What each provider tells, and since when that could be known."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.market.conftest import NOW, opened
from tests.market.servers import alpha_vantage, dataforseo, edgar, finnhub, fred, openfda
from tools.market.evidence import Datum
from tools.market.failures import Refused, Rejected, Unreadable
from tools.market.filings import clock_of, public_from
from tools.market.providers.openfda import symbol_of

YEAR_AGO = NOW - timedelta(days=365)


def named(data: list[Datum], part: str) -> list[Datum]:
    return [one for one in data if part in one.name]


def ny(text: str) -> datetime:
    from tools.market.reading import NEW_YORK

    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def result(hour: str | None, **more: Any) -> dict[str, Any]:
    row = {"date": "2026-10-29", "symbol": "AAPL", "quarter": 4, "year": 2026, "hour": hour}
    return row | {"epsActual": 1.85, "epsEstimate": "1.75"} | more


async def test_finnhub_tells_prices_now_and_none_for_the_past() -> None:
    async with opened("finnhub", finnhub()) as provider:
        now = await provider.data(["AAPL", "NOSUCH"], NOW)
        assert {one.name: one.value for one in now} == {
            "price": Decimal("261.74"),
            "price change since the last close": Decimal("-1.2"),
            "percentage change since the last close": Decimal("-0.4564"),
            "previous close": Decimal("262.94"),
        }
        assert await provider.data(["AAPL"], YEAR_AGO) == []


async def test_finnhub_reads_figures_as_text_and_skips_what_is_missing() -> None:
    quote = {"c": "261.74", "d": None, "dp": "n/a", "t": "1795184400"}
    async with opened("finnhub", finnhub(quote=quote)) as provider:
        (only,) = await provider.data(["AAPL"], NOW)
        assert (only.name, only.value) == ("price", Decimal("261.74"))


async def test_a_headline_is_known_when_it_was_written() -> None:
    hour = int((NOW - timedelta(hours=1)).timestamp())
    rows = [
        {"datetime": hour, "headline": "Apple raises guidance", "source": "Example Wire"},
        {"datetime": hour + 7200, "headline": "From the future", "source": "Example Wire"},
        {"datetime": 0, "headline": "Without a time"},
        {"datetime": hour, "headline": "  "},
        None,
    ]
    async with opened("finnhub", finnhub(news=rows)) as provider:
        news = [one for one in await provider.data(["AAPL"], NOW) if one.kind == "news"]
        assert [(one.value, one.knowable_at) for one in news] == [
            ("Apple raises guidance", NOW - timedelta(hours=1))
        ]


@pytest.mark.parametrize(
    ("hour", "from_"),
    [
        ("bmo", "2026-10-29 09:30"),
        ("dmh", "2026-10-29 16:00"),
        ("amc", "2026-10-30 00:00"),
        ("", "2026-10-30 00:00"),
        (None, "2026-10-30 00:00"),
    ],
)
async def test_results_are_known_after_their_part_of_the_day_at_the_latest(
    hour: str | None, from_: str
) -> None:
    async with opened("finnhub", finnhub(earnings=[result(hour)])) as provider:
        data = named(await provider.data(["AAPL"], NOW), "EPS")
        assert {one.knowable_at for one in data} == {ny(from_)}
        assert [(one.value, one.unit) for one in named(data, "surprise")] == [(Decimal("5.7"), "%")]
        just_before = await provider.data(["AAPL"], ny(from_) - timedelta(seconds=1))
        assert named(just_before, "EPS") == []


async def test_a_surprise_needs_both_figures_and_something_expected() -> None:
    rows = [
        result("bmo", epsEstimate=None),
        result("bmo", epsEstimate=0, quarter=3),
        result("bmo", epsActual=None, quarter=2),
        result("bmo", date=None),
        "nonsense",
    ]
    async with opened("finnhub", finnhub(earnings=rows)) as provider:
        data = named(await provider.data(["AAPL"], NOW), "EPS")
        assert named(data, "surprise") == [] and len(data) == 3


async def test_results_of_all_companies_can_be_asked_for() -> None:
    rows = [result("bmo"), result("bmo", symbol="MSFT"), result("bmo", date="2026-08-01")]
    async with opened("finnhub", finnhub(earnings=rows)) as provider:
        data = await provider.happened(None, NOW - timedelta(days=60), NOW)
        assert {one.symbol for one in data} == {"AAPL", "MSFT"}
        assert all(one.knowable_at >= NOW - timedelta(days=60) for one in data)


EARNINGS = {
    "symbol": "AAPL",
    "quarterlyEarnings": [
        {
            "fiscalDateEnding": "2026-09-30",
            "reportedDate": "2026-10-29",
            "reportedEPS": "1.85",
            "estimatedEPS": "1.75",
            "surprise": "0.1",
            "surprisePercentage": "5.7143",
            "reportTime": "post-market",
        },
        {"fiscalDateEnding": "2026-12-31", "reportedDate": "", "reportedEPS": "None"},
    ],
}
TABLES = {"OVERVIEW": {"Symbol": "AAPL", "PERatio": "35.1", "EPS": "None", "Beta": "-"}}


async def test_alpha_vantage_tells_prices_and_fundamentals_of_now_only() -> None:
    async with opened("alpha_vantage", alpha_vantage(TABLES | {"EARNINGS": EARNINGS})) as provider:
        now = await provider.data(["AAPL", "NOSUCH"], NOW)
        price = next(one for one in now if one.name == "price")
        assert (price.value, price.as_of) == (Decimal("261.7400"), ny("2026-11-19 16:00"))
        assert [one.value for one in now if one.kind == "fundamental"] == [Decimal("35.1")]
        assert named(now, "percentage")[0].value == Decimal("-0.4564")
        past = await provider.data(["AAPL"], NOW - timedelta(days=2))
        assert {one.kind for one in past} == {"earnings"}
        assert {one.knowable_at for one in past} == {ny("2026-10-30 00:00")}


async def test_a_used_up_day_of_alpha_vantage_comes_with_status_200_and_without_the_key() -> None:
    from tests.market.servers import KEY, told
    from tools.market.failures import Rationed

    server = alpha_vantage()
    limit = f"We have detected your API key as {KEY} and our rate limit is 25 requests per day."
    server.faults = [told({"Information": limit})]
    async with opened("alpha_vantage", server) as provider:
        with pytest.raises(Rationed, match="per day") as failed:
            await provider.data(["AAPL"], NOW)
        assert failed.value.retry_after == 86_400 and KEY not in str(failed.value)
        with pytest.raises(Rationed, match="Our quota"):
            await provider.data(["AAPL"], NOW)


def rate(date_: str, since: str, value: str, until: str = "9999-12-31") -> dict[str, str]:
    return {"date": date_, "realtime_start": since, "realtime_end": until, "value": value}


REVISED = [
    rate("2026-09-01", "2026-10-02", "4.0", "2026-11-05"),
    rate("2026-09-01", "2026-11-06", "4.2"),
    rate("2026-10-01", "2026-11-06", "4.3"),
    rate("2026-08-01", "2026-09-04", "4.1"),
]


async def test_fred_tells_what_was_said_then_and_not_what_was_revised_later() -> None:
    async with opened("fred", fred(REVISED)) as provider:
        then = await provider.data([], datetime(2026, 10, 20, 12, tzinfo=UTC))
        assert [(one.as_of.date(), one.value) for one in then] == [
            (date(2026, 8, 2), Decimal("4.1")),
            (date(2026, 9, 2), Decimal("4.0")),
        ]
        now = await provider.data([], NOW)
        assert [one.value for one in now] == [Decimal("4.2"), Decimal("4.3")]
        assert {one.symbol for one in now} == {None}


async def test_a_figure_is_not_known_on_the_morning_of_its_day() -> None:
    """FRED tells the day of a vintage, not the hour."""
    async with opened("fred", fred(REVISED)) as provider:
        provider._access = type(provider._access)(
            provider._access.url, provider._access.quota, lambda: NOW + timedelta(days=3)
        )
        morning = await provider.data([], datetime(2026, 11, 6, 13, 0, tzinfo=UTC))
        assert Decimal("4.3") not in [one.value for one in morning]
        assert Decimal("4.0") in [one.value for one in morning]
        evening = await provider.data([], datetime(2026, 11, 7, 6, 0, tzinfo=UTC))
        assert Decimal("4.3") in [one.value for one in evening]


async def test_fred_turns_pages_and_skips_what_is_missing() -> None:
    rows = [rate(f"2026-10-{day:02}", f"2026-10-{day:02}", "4.5") for day in range(1, 29)]
    rows.append(rate("2026-10-29", "2026-10-29", "."))
    server = fred(rows, page_size=10)
    async with opened("fred", server) as provider:
        data = await provider.data([], NOW)
        assert [one.as_of.date() for one in data] == [date(2026, 10, 28), date(2026, 10, 29)]
        assert [asked.params["offset"] for asked in server.asked] == ["0", "10", "20"]


async def test_a_series_that_fred_has_not_is_said_so() -> None:
    async with opened("fred", fred([])) as provider:
        provider._series = ["NONE"]
        with pytest.raises(Rejected, match="series does not exist"):
            await provider.data([], NOW)


def drug(number: str, sponsor: str, *submissions: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "application_number": number,
        "sponsor_name": sponsor,
        "products": [{"brand_name": "EXAMPLIN", "active_ingredients": [{"name": "EXAMPLE"}]}],
        "submissions": [
            {
                "submission_type": kind,
                "submission_status": "AP",
                "submission_status_date": day,
                "submission_class_code_description": about,
            }
            for kind, day, about in submissions
        ],
    }


DRUGS = [
    drug(
        "NDA213082",
        "PFIZER",
        ("ORIG", "20261030", "Type 1 - New Molecular Entity"),
        ("SUPPL", "20261103", "Labeling"),
        ("SUPPL", "19990101", "Labeling"),
    ),
    drug("ANDA216000", "TEVA PHARMS USA INC", ("ORIG", "20261102", "")),
    drug("BLA761000", "NOBODY KNOWN LLC", ("ORIG", "20261112", "")),
    {"application_number": None, "submissions": [None, {"submission_type": "ORIG"}]},
]


async def test_first_approvals_are_told_from_supplements_and_generics() -> None:
    server = openfda(DRUGS)
    async with opened("openfda", server) as provider:
        data = await provider.happened(None, NOW - timedelta(days=60), NOW)
        assert [(one.name, one.symbol) for one in data] == [
            ("FDA approval, original", "PFE"),
            ("FDA approval, supplement", "PFE"),
            ("FDA approval, generic", "TEVA"),
            ("FDA approval, original", None),
        ]
        assert "EXAMPLIN (EXAMPLE), NDA213082, PFIZER, Type 1" in str(data[0].value)
        assert "NOBODY KNOWN LLC" in str(data[3].value)
        assert {one.symbol for one in await provider.data(["PFE", "AAPL"], NOW)} == {"PFE"}
        search = server.asked[-1].params["search"]
        assert 'sponsor_name:"PFIZER" OR sponsor_name:"HOSPIRA"' in search
        assert "submissions.submission_status_date:[20260808 TO 20261120]" in search
        asked = len(server.asked)
        assert await provider.data(["AAPL"], NOW) == [] and len(server.asked) == asked


async def test_an_approval_is_known_when_it_was_published_and_not_on_its_day() -> None:
    async with opened("openfda", openfda(DRUGS, updated="2026-11-17")) as provider:
        data = await provider.happened(None, NOW - timedelta(days=60), NOW)
        assert data[0].as_of == ny("2026-10-31 00:00")
        assert data[0].knowable_at == ny("2026-10-31 00:00") + timedelta(days=14)
        assert data[3].knowable_at == ny("2026-11-18 00:00")  # the data are of that day
        early = await provider.happened(None, NOW - timedelta(days=60), ny("2026-11-03 12:00"))
        assert early == []


async def test_openfda_turns_pages_and_an_empty_answer_is_no_failure() -> None:
    server = openfda(DRUGS, page_size=2)
    async with opened("openfda", server) as provider:
        data = await provider.happened(None, NOW - timedelta(days=60), NOW)
        assert len(data) == 4 and [one.params["skip"] for one in server.asked] == ["0", "2"]
    async with opened("openfda", openfda([])) as provider:
        assert await provider.happened(None, NOW - timedelta(days=60), NOW) == []


@pytest.mark.parametrize(
    ("sponsor", "symbol"),
    [
        ("PFIZER INC", "PFE"),
        ("MERCK SHARP DOHME", "MRK"),
        ("MERCK KGAA", None),
        ("Janssen Biotech, Inc.", "JNJ"),
        ("NOVOCURE", None),
        ("LILLYDALE FARMS", None),
    ],
)
def test_a_sponsor_has_a_symbol_only_if_its_name_begins_so_in_whole_words(
    sponsor: str, symbol: str | None
) -> None:
    assert symbol_of(sponsor, date(2026, 1, 2)) == symbol


@pytest.mark.parametrize(("on", "symbol"), [(date(2020, 5, 7), None), (date(2020, 5, 8), "ABBV")])
def test_what_a_company_had_approved_before_it_was_bought_is_not_the_buyers(
    on: date, symbol: str | None
) -> None:
    assert symbol_of("ALLERGAN", on) == symbol


def filings(*rows: tuple[str, str, str, str]) -> dict[str, Any]:
    """Columns of form, date, acceptance and items."""
    forms, dates, stamps, items = (list(column) for column in zip(*rows, strict=True))
    count = range(len(rows))
    return {
        "accessionNumber": [f"0000320193-26-{i:06}" for i in count],
        "filingDate": dates,
        "acceptanceDateTime": stamps,
        "form": forms,
        "items": items,
        "reportDate": dates,
        "primaryDocument": [f"doc{i}.htm" for i in count],
    }


RECENT = filings(
    ("8-K", "2026-10-29", "2026-10-29T20:30:42.000Z", "2.02,9.01"),
    ("10-K", "2026-10-30", "2026-10-30T22:01:26.000Z", ""),
    ("SC 14D9/A", "2026-11-02", "2026-11-02T11:30:00.000Z", ""),
    ("4", "2026-11-03", "2026-11-03T23:30:00.000Z", ""),
    ("8-K", "2026-11-16", "2026-11-13T23:05:00.000Z", "1.01"),
)


def submissions(recent: Any = RECENT, files: Any = ()) -> dict[str, Any]:
    return {"submissions/CIK0000320193.json": {"filings": {"recent": recent, "files": list(files)}}}


async def test_edgar_tells_items_and_deals_from_when_they_could_be_read() -> None:
    async with opened("edgar", edgar(submissions())) as provider:
        data = await provider.happened(["AAPL", "NOSUCH"], NOW - timedelta(days=60), NOW)
        assert [(one.name, one.knowable_at) for one in data] == [
            ("8-K item 2.02", ny("2026-10-29 16:30:42")),
            ("8-K item 9.01", ny("2026-10-29 16:30:42")),
            ("form SC 14D9/A", ny("2026-11-02 06:30")),
            ("8-K item 1.01", ny("2026-11-16 06:00")),  # accepted on Friday evening
        ]
        assert data[0].value == "results of operations"
        assert data[0].url and data[0].url.endswith("/320193/000032019326000000/doc0.htm")
        friday = await provider.happened(["AAPL"], NOW - timedelta(days=60), ny("2026-11-13 20:00"))
        assert named(friday, "1.01") == []


async def test_edgar_reads_older_filings_where_the_span_needs_them() -> None:
    older = filings(("8-K", "2026-09-30", "2026-09-30T20:30:00.000Z", "5.02"))
    file = {"name": "CIK0000320193-submissions-001.json", "filingTo": "2026-09-30"}
    whole = submissions(files=[file]) | {f"submissions/{file['name']}": older}
    server = edgar(whole)
    async with opened("edgar", server) as provider:
        data = await provider.happened(["AAPL"], NOW - timedelta(days=60), NOW)
        assert data[0].name == "8-K item 5.02"
        server.asked.clear()
        await provider.happened(["AAPL"], NOW - timedelta(days=10), NOW)
        assert len(server.asked) == 1


async def test_columns_of_different_lengths_are_not_paired_by_guess() -> None:
    torn = RECENT | {"filingDate": RECENT["filingDate"][:-1]}
    async with opened("edgar", edgar(submissions(torn))) as provider:
        with pytest.raises(Unreadable, match="not of one length"):
            await provider.happened(["AAPL"], NOW - timedelta(days=60), NOW)


@pytest.mark.parametrize(
    ("stamps", "way"),
    [
        (["2026-10-29T20:30:42.000Z", "2026-11-13T23:05:00.000Z"], "UTC"),
        (["2025-04-30T07:30:32.000Z", "2025-05-01T16:21:59.000Z"], "New York"),
        (["2026-10-29T14:30:42.000Z"], None),
        (["2026-11-13T23:05:00.000Z", "2025-04-30T07:30:32.000Z"], None),
        (["", "nonsense"], None),
    ],
)
def test_the_clock_of_a_filer_shows_in_the_hours_at_which_edgar_is_open(
    stamps: list[str], way: str | None
) -> None:
    assert clock_of(stamps) == way


def test_where_the_clock_is_in_doubt_the_later_reading_counts() -> None:
    stamp, day = "2026-10-29T14:30:00.000Z", date(2026, 10, 29)
    assert public_from(stamp, day, "UTC") == ny("2026-10-29 10:30")
    assert public_from(stamp, day, "New York") == ny("2026-10-29 14:30")
    assert public_from(stamp, day, None) == ny("2026-10-29 14:30")
    assert public_from(None, day, "UTC") == ny("2026-10-29 22:00")


async def test_the_ticker_is_found_however_its_class_is_written() -> None:
    whole = {
        "submissions/CIK0001067983.json": {
            "filings": {
                "recent": filings(("8-K", "2026-11-02", "2026-11-02T21:30:00.000Z", "8.01"))
            }
        }
    }
    async with opened("edgar", edgar(whole)) as provider:
        (only,) = await provider.happened(["BRK.B"], NOW - timedelta(days=60), NOW)
        assert only.symbol == "BRK.B"


def fact(start: str | None, end: str, filed: str, value: Any, accn: str = "x") -> dict[str, Any]:
    whole = {"end": end, "val": value, "accn": accn, "filed": filed, "fp": "FY", "form": "10-K"}
    return whole | ({"start": start} if start else {})


FACTS = {
    "api/xbrl/companyfacts/CIK0000320193.json": {
        "facts": {
            "us-gaap": {
                "NetIncomeLoss": {
                    "units": {
                        "USD": [
                            fact("2024-09-29", "2025-09-27", "2025-10-31", 112010000000),
                            fact("2025-09-28", "2026-09-26", "2026-10-30", 118000000000, "a10k"),
                            fact("2026-06-28", "2026-09-26", "2026-10-30", "30000000000", "a10k"),
                            fact(
                                "2025-09-28", "2026-09-26", "2026-11-19", 117000000000, "restated"
                            ),
                            fact("2025-09-28", "2026-06-27", "2026-07-31", 88000000000),
                            fact("2025-09-28", "2026-09-26", "2026-10-30", None),
                            fact("2025-09-28", "", "2026-10-30", 1),
                        ]
                    }
                },
                "StockholdersEquity": {"units": {"USD": "nonsense"}},
            },
            "dei": {
                "EntityCommonStockSharesOutstanding": {
                    "units": {"shares": [fact(None, "2026-10-16", "2026-10-30", 14776353000)]}
                }
            },
        }
    }
}


async def test_fundamentals_count_from_their_filing_and_not_from_the_end_of_their_year() -> None:
    async with opened("edgar", edgar(submissions() | FACTS)) as provider:

        async def told(as_of: datetime) -> dict[str, Any]:
            data = await provider.data(["AAPL"], as_of)
            return {one.name: one.value for one in data if one.kind == "fundamental"}

        assert await told(ny("2026-10-15 12:00")) == {
            "net income, year to 2025-09-27": Decimal(112010000000)
        }
        assert await told(ny("2026-11-05 12:00")) == {
            "net income, year to 2026-09-26": Decimal(118000000000),
            "net income, quarter to 2026-09-26": Decimal(30000000000),
            "shares outstanding, on 2026-10-16": Decimal(14776353000),
        }
        restated = await told(NOW)
        assert restated["net income, year to 2026-09-26"] == Decimal(117000000000)


QUOTE = {
    "type": "google_finance_market_instrument_element",
    "identifier": "AAPL:NASDAQ",
    "displayed_name": "Apple Inc",
    "trend": "down",
    "timestamp": "2026-11-20 14:59:00 +00:00",
    "price": 261.74,
    "price_delta": -1.2,
    "percentage_delta": "-0.4564",
    "price_currency": "USD",
}


async def test_google_finance_tells_name_price_changes_and_trend() -> None:
    server = dataforseo({"AAPL:NASDAQ": QUOTE}, {"AAPL": ["AAPL:NASDAQ", "AAPL:BCBA"]})
    async with opened("dataforseo", server) as provider:
        data = await provider.data(["AAPL"], NOW)
        assert {one.name: (one.value, one.unit) for one in data} == {
            "name": ("Apple Inc", None),
            "price": (Decimal("261.74"), "USD"),
            "price change": (Decimal("-1.2"), "USD"),
            "percentage change": (Decimal("-0.4564"), "%"),
            "trend": ("down", None),
        }
        assert {one.as_of for one in data} == {NOW - timedelta(minutes=1)}
        assert provider._access.quota.used().cost_usd == Decimal("0.004")
        await provider.data(["AAPL"], NOW)
        assert [asked.body[0]["keyword"] for asked in server.asked] == [
            "AAPL",
            "AAPL:NASDAQ",
            "AAPL:NASDAQ",
        ]
        assert await provider.data(["AAPL"], YEAR_AGO) == [] and len(server.asked) == 3


async def test_a_symbol_of_several_american_exchanges_is_not_guessed() -> None:
    server = dataforseo({}, {"XYZ": ["XYZ:NYSE", "XYZ:NASDAQ"], "ABC": ["ABC:LON"]})
    async with opened("dataforseo", server) as provider:
        with pytest.raises(Rejected, match="several exchanges"):
            await provider.data(["XYZ"], NOW)
        assert await provider.data(["ABC", "NOSUCH"], NOW) == []
        with pytest.raises(Rejected, match="40501"):
            await provider.data(["XYZ:NYSE"], NOW)


async def test_a_quote_without_price_or_time_is_no_quote() -> None:
    quotes = {"A:NYSE": QUOTE | {"price": None}, "B:NYSE": QUOTE | {"timestamp": "today"}}
    async with opened("dataforseo", dataforseo(quotes)) as provider:
        assert await provider.data(["A:NYSE", "B:NYSE"], NOW) == []
        odd = QUOTE | {"trend": "sideways", "price_delta": "n/a"}
    async with opened("dataforseo", dataforseo({"C:NYSE": odd})) as provider:
        names = [one.name for one in await provider.data(["C:NYSE"], NOW)]
        assert names == ["name", "price", "percentage change"]


async def test_an_empty_account_at_dataforseo_is_refused_in_its_own_code() -> None:
    from tests.market.servers import told

    server = dataforseo({"AAPL:NASDAQ": QUOTE})
    task = {"status_code": 40210, "status_message": "Insufficient Funds."}
    server.faults = [told({"status_code": 20000, "tasks": [task]})]
    async with opened("dataforseo", server) as provider:
        with pytest.raises(Refused, match="40210 \\(Insufficient Funds"):
            await provider.data(["AAPL:NASDAQ"], NOW)


async def test_what_arrives_seconds_after_the_question_was_known_at_the_question() -> None:
    """A run's time is fixed when it begins; a live price is always a little younger."""
    asked_at = NOW - timedelta(seconds=90)
    server = dataforseo({"AAPL:NASDAQ": QUOTE})
    async with opened("dataforseo", server) as provider:
        data = await provider.data(["AAPL:NASDAQ"], asked_at)
        assert {one.knowable_at for one in data} == {asked_at}
