"""openFDA: first approvals, supplements, generics, and whose share they are."""

from datetime import timedelta
from typing import Any

import pytest

from tests.market.conftest import NOW, ny, opened
from tests.market.servers import openfda
from tools.market.providers.openfda import symbol_of


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
        assert 'sponsor_name:"PFIZER" OR sponsor_name:"PF PRISM"' in search
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
        ("ALLERGAN", None),  # bought: what it had approved before moved another share
    ],
)
def test_a_sponsor_has_a_symbol_only_if_its_name_begins_so_in_whole_words(
    sponsor: str, symbol: str | None
) -> None:
    assert symbol_of(sponsor) == symbol
