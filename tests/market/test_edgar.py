"""EDGAR: items, deals and fundamentals from when they could be read."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.market.conftest import NOW, named, ny, opened
from tests.market.servers import edgar
from tools.market.failures import Unreadable
from tools.market.filings import clock_of, public_from


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
