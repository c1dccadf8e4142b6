"""SEC EDGAR: 8-K items, forms of deals, and fundamentals as they were filed.

https://www.sec.gov/search-filings/edgar-application-programming-interfaces: no key, but a contact
in the `User-Agent` (a web page with status 403 without) and at most 10 requests a second over all
of one's machines: each process here keeps to 8, so a second server needs a smaller quota. `recent`
holds a year or 1,000 filings; older ones are in files of their own. Numbers come with a 10-Q or a
10-K and count from when that could be read, never from the end of their quarter; what a later
filing restates counts from the later one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from settings import Settings
from tools.market.access import Access, Known, access, needed, together
from tools.market.evidence import Datum
from tools.market.failures import Absent, NotConfigured, Unreadable
from tools.market.fetch import Fetcher
from tools.market.filings import DEALS, ITEMS, Way, clock_of, public_from
from tools.market.fundamentals import fundamentals
from tools.market.provider import Provider, provider
from tools.market.reading import day, end_of, words
from tools.outside import Outside

FILINGS_DAYS: Final = 90
TICKERS: Final = "https://www.sec.gov/files/company_tickers.json"


@provider("edgar")
def open_edgar(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: there is no contact.
    """
    contact = needed(settings.edgar_contact, "DIALGRAPH_EDGAR_CONTACT")
    if "@" not in contact:
        raise NotConfigured(
            "DIALGRAPH_EDGAR_CONTACT has to be a name and an e-mail address: the SEC asks for it."
        )
    where = access(settings, "edgar", "https://data.sec.gov", "8/second")
    return Edgar(contact, where, settings.market_urls.get("edgar_tickers", TICKERS))


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing of a company.

    Attributes:
        form: such as `8-K`.
        items: of an 8-K.
        filed: date that it carries.
        public: from when it could be read, UTC.
        accession: number of it.
        about: day that it reports of.
        url: of its main document.
    """

    form: str
    items: tuple[str, ...]
    filed: date
    public: datetime
    accession: str
    about: date | None
    url: str


class Edgar:
    """Filings with the SEC.

    Args:
        contact: name and e-mail address, told to the SEC.
        access: where and how often.
        tickers: address of the list of tickers.
    """

    name = "edgar"

    def __init__(self, contact: str, access: Access, tickers: str = TICKERS) -> None:
        self._headers = {"User-Agent": contact, "Accept-Encoding": "gzip, deflate"}
        self._access = access
        self._tickers_url = tickers
        self._ciks: dict[str, int] = {}
        self._ciks_of: datetime | None = None

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return the filings of three months and the last fundamentals of symbols.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        since = as_of - timedelta(days=FILINGS_DAYS)
        async with self._fetcher() as fetch:
            ciks = await self._known_ciks(fetch)
            found = await together(
                _of(fetch, symbol, ciks[name], since, known)
                for symbol in symbols
                if (name := _plain(symbol)) in ciks
            )
        return known.of(datum for rows in found for datum in rows)

    async def happened(
        self, symbols: Sequence[str] | None, since: datetime, as_of: datetime
    ) -> list[Datum]:
        """Return 8-K items and forms of deals that became readable in a span.

        Symbols have to be named: EDGAR tells filings by company.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        async with self._fetcher() as fetch:
            ciks = await self._known_ciks(fetch)
            wanted = [one for one in symbols or () if _plain(one) in ciks]
            found = await together(
                _filings(fetch, ciks[_plain(symbol)], since) for symbol in wanted
            )
        data = [
            datum
            for symbol, filings in zip(wanted, found, strict=True)
            for datum in _events(symbol, filings, since)
        ]
        return known.of(data)

    def _fetcher(self) -> Fetcher:
        return Fetcher(self.name, self._access.url, self._access.quota, headers=self._headers)

    async def _known_ciks(self, fetch: Fetcher) -> Mapping[str, int]:
        """Return the SEC's numbers of companies by ticker, read once a day."""
        now = self._access.clock()
        if self._ciks_of is None or now - self._ciks_of > timedelta(days=1):
            told = await fetch.get(self._tickers_url)
            rows = told.values() if isinstance(told, dict) else told
            if not isinstance(told, dict) or not told:
                raise Unreadable("Its list of tickers is empty.")
            self._ciks = {
                _plain(ticker): int(row["cik_str"])
                for row in rows
                if isinstance(row, dict) and (ticker := words(row.get("ticker")))
                if str(row.get("cik_str", "")).isdigit()
            }
            self._ciks_of = now
        return self._ciks


def _plain(symbol: str) -> str:
    """Write BRK.B, as the exchanges have it, like BRK-B, as the SEC has it."""
    return symbol.upper().replace(".", "-")


async def _of(fetch: Fetcher, symbol: str, cik: int, since: datetime, known: Known) -> list[Datum]:
    filings, facts = await together([_filings(fetch, cik, since), _facts(fetch, cik)])
    public = {one.accession: one.public for one in filings}
    return [
        *_events(symbol, filings, since),
        *fundamentals(symbol, facts, public, known.now if known.live else known.as_of),
    ]


async def _facts(fetch: Fetcher, cik: int) -> Any:
    try:
        return await fetch.get(f"api/xbrl/companyfacts/CIK{cik:010d}.json")
    except Absent:  # a company without XBRL
        return {}


async def _filings(fetch: Fetcher, cik: int, since: datetime) -> Any:
    """Return the filings of a company since a time, the oldest first."""
    try:
        told = await fetch.get(f"submissions/CIK{cik:010d}.json")
    except Absent:
        return []
    filings = told.get("filings") if isinstance(told, dict) else None
    if not isinstance(filings, dict) or not isinstance(filings.get("recent"), dict):
        raise Unreadable(f"There are no filings in its answer about {cik}.")
    tables = [filings["recent"]]
    for more in filings.get("files") or []:
        until = day(more.get("filingTo")) if isinstance(more, dict) else None
        if until is not None and end_of(until) >= since:
            tables.append(await fetch.get(f"submissions/{more['name']}"))
    way = clock_of(str(one) for one in filings["recent"].get("acceptanceDateTime") or [])
    return sorted(
        (one for table in tables for one in _table(cik, table, way)), key=lambda one: one.public
    )


def _table(cik: int, table: Any, way: Way | None) -> list[Filing]:
    """Read filings that are told column by column."""
    if not isinstance(table, dict):
        raise Unreadable(f"The filings of {cik} are not a table.")
    columns = [table.get(name) or [] for name in _COLUMNS]
    lengths = {len(column) for column in columns[:3]}
    if len(lengths) != 1:
        raise Unreadable(f"The columns of the filings of {cik} are not of one length.")
    rows = lengths.pop()
    whole = [[*column, *[None] * (rows - len(column))] for column in columns]
    found = []
    for form, filed, accession, accepted, items, about, document in zip(*whole, strict=True):
        on = day(filed)
        if on is None or not form or not accession:
            continue
        path = f"{cik}/{str(accession).replace('-', '')}/{document or ''}"
        found.append(
            Filing(
                str(form),
                tuple(one.strip() for one in str(items or "").split(",") if one.strip()),
                on,
                public_from(words(accepted), on, way),
                str(accession),
                day(about),
                f"https://www.sec.gov/Archives/edgar/data/{path}",
            )
        )
    return found


_COLUMNS: Final = (
    "form",
    "filingDate",
    "accessionNumber",
    "acceptanceDateTime",
    "items",
    "reportDate",
    "primaryDocument",
)


def _events(symbol: str, filings: Sequence[Filing], since: datetime) -> list[Datum]:
    found = []
    for filing in filings:
        if filing.public < since:
            continue
        base = filing.form.removesuffix("/A")
        if base == "8-K":
            told = [(f"{filing.form} item {item}", ITEMS.get(item)) for item in filing.items]
        elif base in DEALS:
            told = [(f"form {filing.form}", DEALS[base])]
        else:
            continue
        found += [
            Datum(
                symbol=symbol,
                kind="filing",
                name=name,
                value=meaning or "an item that is not in our list",
                source="edgar",
                as_of=min(end_of(filing.about), filing.public) if filing.about else filing.public,
                knowable_at=filing.public,
                url=filing.url,
            )
            for name, meaning in told
        ]
    return found
