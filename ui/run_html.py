"""A run as HTML: both cases side by side, every vote with its state, dissent, evidence, cost."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from ui.drawn_figures import intervals, reliability
from ui.figures import (
    badge,
    cells,
    empty,
    in_100,
    moment,
    shares,
    state_badge,
    table,
    tile,
    tiles,
    usd,
)
from ui.telling import refused

Json = Mapping[str, Any]
STEPS: Final[Mapping[str, str]] = {
    "begun": "begun",
    "evidence": "evidence collected",
    "votes": "analysts answered",
    "consensus": "consensus",
    "briefing": "briefing",
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "nothing_to_buy": ("nothing to buy", ""),
    "proposed": ("proposed", "good"),
}


def run_html(run: Json) -> str:
    """Return a whole run; what is missing because it still runs is left out."""
    if run["state"] != "done":
        return head_html(run)
    evidence = {one["id"]: one for one in run["evidence"]}
    by_symbol = "".join(
        _symbol(symbol, run, evidence) for symbol in _by_probability(run) if _answers(run, symbol)
    )
    return (
        head_html(run)
        + f'<section class="sheet"><h3>Briefing</h3><p>{escape(run["briefing"] or "")}</p>'
        + "</section>"
        + '<section class="sheet"><h3>Chance to beat the index, in 100, with 90 % interval</h3>'
        + intervals(_in_order(run))
        + _sizes(run)
        + "</section>"
        + by_symbol
        + _evidence(run)
    )


def head_html(run: Json) -> str:
    """Return how far a run is, whose money it is about, and what it has cost."""
    mode = badge("LIVE: real money", "bad") if run["live"] else badge("PAPER", "good")
    past = badge("recorded prices of the past", "warn") if run["recorded"] else ""
    state = {"running": ("running", "warn"), "failed": ("failed", "bad")}.get(run["state"])
    stands = badge(*state) if state else badge(*_outcome(run))
    steps = "".join(
        f'<li class="{"did" if step in run["steps"] else ""}">{label}</li>'
        for step, label in STEPS.items()
    )
    problem = refused(run["problem"]) if run["problem"] else ""
    symbols = ", ".join(run["symbols"]) or "the usual symbols"
    parts = f"<h2>{escape(symbols)}</h2>{stands}{mode}{past}"
    failed = "".join(
        f'<p class="notice">{escape(one["provider"])} did not tell: {escape(one["problem"])}</p>'
        for one in run["sources_failed"]
    )
    return (
        f'<div class="run-head">{parts}</div><ol class="steps" role="status">{steps}</ol>{problem}'
        f"{failed}{_figures(run)}"
    )


def _figures(run: Json) -> str:
    if run["as_of"] is None:
        return ""
    states: dict[str, int] = {}
    for one in run["answers"]:
        states[one["state"]] = states.get(one["state"], 0) + 1
    opinions = states.pop("opinion", 0)
    rest = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in states.items())
    base = run["base_rate"]
    calls = len(run["charges"])
    closes = f"closes of {run['session']}" if run["session"] else "time of the market, UTC"
    return tiles(
        [
            tile("As of", moment(run["as_of"]), closes),
            tile("Opinions", str(opinions), rest or "nothing else"),
            tile("Cost", usd(run["cost_usd"], places=4), f"{calls} paid calls of models"),
            tile("Came true so far", in_100(base), "of all earlier forecasts, whatever was said"),
        ]
    )


def _outcome(run: Json) -> tuple[str, str]:
    if run.get("approval"):
        return f"approval {run['approval']}", "warn" if run["approval"] == "open" else ""
    known = OUTCOMES.get(str(run["outcome"]))
    return known or (str(run["outcome"]).replace("_", " "), "")


def _by_probability(run: Json) -> list[str]:
    ordered = [one["symbol"] for one in _in_order(run)]
    return [*ordered, *(s for s in run["symbols"] if s not in ordered)]


def _in_order(run: Json) -> list[Json]:
    return sorted(run["consensus"], key=lambda one: -(one["probability"] or 0.0))


def _answers(run: Json, symbol: str) -> list[Json]:
    return [one for one in run["answers"] if one["symbol"] == symbol]


def _symbol(symbol: str, run: Json, evidence: Mapping[str, Json]) -> str:
    answers = _answers(run, symbol)
    found = next((one for one in run["consensus"] if one["symbol"] == symbol), None)
    if found is None or found["probability"] is None:
        said = "Nobody has an opinion on it; that is not a hold."
    else:
        said = (
            f"{in_100(found['probability'])}, between {found['low'] * 100:.0f} and "
            f"{found['high'] * 100:.0f}. Stated probabilities differ by "
            f"{found['dispersion'] * 100:.1f} points; {found['effective_voters']:.1f} independent "
            "voters."
        )
    sides = "".join(
        f"<section><h4>{label}</h4>{_case(answers, side, evidence)}</section>"
        for side, label in (("bull", "For it"), ("bear", "Against it"))
    )
    return (
        f'<section class="sheet judged"><h3>{escape(symbol)}</h3><p>{said}</p>'
        f'<div class="sides">{sides}</div>{_dissent(found)}'
        f"{_votes(answers, found, run)}{_stale(symbol, run)}{_debate(symbol, run)}</section>"
    )


def _case(answers: Iterable[Json], side: str, evidence: Mapping[str, Json]) -> str:
    items = "".join(
        f"<li>{escape(claim['text'])}{_links(claim['evidence'], evidence)} "
        f"<small>{_name(one['analyst'])}</small></li>"
        for one in answers
        if one["state"] == "opinion"
        for claim in one[side]
    )
    return f"<ul>{items}</ul>" if items else '<p class="quiet">Nobody says anything.</p>'


def _links(ids: Iterable[str], evidence: Mapping[str, Json]) -> str:
    return "".join(
        f' <a class="proof" href="#{escape(id_)}" title="{escape(_line(evidence[id_]))}">'
        f"{escape(id_[:5])}</a>"
        if id_ in evidence
        else f' <span class="proof" title="Not in the evidence">{escape(id_[:5])}?</span>'
        for id_ in ids
    )


def _dissent(found: Json | None) -> str:
    if not found or not found["dissent"]:
        return ""
    items = "".join(
        f"<li><b>{_name(one['analyst'])}</b> states {in_100(one['probability'])}"
        f"{': ' if one['argument'] else '.'}{escape(one['argument'])}"
        f"{_would(one['would_change'])}</li>"
        for one in found["dissent"]
    )
    return f'<h4>Dissent</h4><ul class="dissent">{items}</ul>'


def _would(changes: Sequence[str]) -> str:
    if not changes:
        return ""
    return f" <small>Would change its mind: {escape(' '.join(changes))}</small>"


def _votes(answers: Sequence[Json], found: Json | None, run: Json) -> str:
    rows = []
    for one in answers:
        share = (found or {}).get("shares", {}).get(one["analyst"])
        standing = run["standings"].get(one["analyst"], {})
        n, brier = standing.get("n"), standing.get("brier")
        record = f"Brier {brier:.4f}, n = {n:.0f}" if n and brier is not None else "none yet"
        rows.append(
            f"<tr><td>{_name(one['analyst'])}{_model(one)}</td><td>{state_badge(one['state'])}</td>"
            f"<td>{in_100(one.get('probability'))}</td>"
            f"<td>{f'{share:.0%}' if share is not None else '–'}</td><td>{record}</td>"
            f"<td>{usd(one['cost_usd'], places=4) if one['model'] else 'free'}</td>"
            f"<td>{escape(_why(one))}</td></tr>"
        )
    why = "Why none, or what would change it"
    heads = ("Analyst", "State", "States", "Weight", "Record", "Cost", why)
    return table("Votes", heads, rows)


def _stale(symbol: str, run: Json) -> str:
    """Return what those said earlier who could not be asked now, marked as that."""
    items = "".join(
        f"<li>{badge('stale', 'warn')} <b>{_name(one['analyst'])}</b> said "
        f"{_stated(one['answer'])} at {moment(one['made_at'])}</li>"
        for one in run["stale"]
        if one["symbol"] == symbol
    )
    if not items:
        return ""
    return f"<h4>Could not be asked now; said earlier, and counts for nothing</h4><ul>{items}</ul>"


def _stated(answer: Json) -> str:
    probability = answer.get("probability")
    return escape(answer["state"].replace("_", " ")) if probability is None else in_100(probability)


def _why(one: Json) -> str:
    for field in ("reason", "problem", "missing"):
        if one.get(field):
            return str(one[field])
    return " ".join([*one.get("would_change", ()), *one.get("rejected", ())])


def _model(one: Json) -> str:
    return f"<br><small>{escape(one['model'])}</small>" if one["model"] else ""


def _debate(symbol: str, run: Json) -> str:
    moved = [one for one in run["debate"] if one.get("symbol") == symbol]
    if not moved:
        return ""
    items = "".join(
        f"<li><b>{_name(str(one.get('analyst')))}</b>: {escape(_before_after(one))}</li>"
        for one in moved
    )
    return f"<h4>Asked again, having read the others</h4><ul>{items}</ul>"


def _before_after(one: Json) -> str:
    read = " and ".join(_name(name) for name in one["against"])
    said = f"{in_100(one['before'])} before, {in_100(one['after'])} after it had read {read}"
    return f"{said}. {one['problem'] or ''}".strip()


def _sizes(run: Json) -> str:
    rows = []
    for one in run["sized"]:
        cuts = " ".join(cut["why"] for cut in one["cuts"])
        rows.append(
            cells(
                one["symbol"],
                one["side"],
                shares(one["shares"]),
                usd(one["limit_price"]),
                cuts or "no limit was in the way",
            )
        )
    if not rows:
        return '<p class="quiet">Nothing came over the threshold, so nothing was sized.</p>'
    return table("Sizes", ("Symbol", "Side", "Shares", "Limit", "What the limits did"), rows)


def _evidence(run: Json) -> str:
    rows = [
        f'<tr id="{escape(one["id"])}"><td>{escape(one["id"][:5])}</td>'
        f"<td>{escape(one['symbol'] or 'all')}</td><td>{escape(one['name'])}</td>"
        f"<td>{escape(_value(one))}</td><td>{moment(one['as_of'], day=True)}</td>"
        f"<td>{moment(one['knowable_at'])}</td><td>{_source(one)}</td></tr>"
        for one in run["evidence"]
    ]
    heads = ("Id", "Symbol", "What", "Value", "Of", "Knowable at, UTC", "Source")
    return (
        f'<details class="sheet evidence" open><summary>Evidence, {len(rows)} data</summary>'
        f"{table('Evidence', heads, rows)}</details>"
    )


def _source(one: Json) -> str:
    name = escape(one["source"])
    if one["url"] and urlsplit(one["url"]).scheme in ("http", "https"):
        return (
            f'<a href="{escape(one["url"])}" target="_blank" rel="noopener noreferrer">{name}</a>'
        )
    return name


def _value(one: Json) -> str:
    return f"{one['value']} {one['unit']}" if one["unit"] else str(one["value"])


def _line(one: Json) -> str:
    return f"{one['name']}: {_value(one)} ({one['as_of'][:10]}, {one['source']})"


def _name(analyst: str) -> str:
    return escape(analyst.replace("_", " "))


def history_html(runs: Sequence[Json]) -> str:
    """Return the runs as links, the newest first."""
    if not runs:
        return empty(
            "There was no analysis yet. Name some symbols, or none for the usual ones, and begin."
        )
    rows = []
    for one in runs:
        best = max((c["probability"] or 0 for c in one["consensus"]), default=None)
        symbols = ", ".join(one["symbols"]) or "the usual symbols"
        state = one["state"] if one["state"] != "done" else _outcome(one)[0]
        when = moment(one["as_of"]) if one["as_of"] else "not begun"
        rows.append(
            f'<tr><td><a href="?run={escape(one["run_id"])}">{when}</a></td>'
            f"<td>{escape(symbols)}</td><td>{escape(state)}</td>"
            f"<td>{in_100(best) if best else '–'}</td>"
            f"<td>{usd(one['cost_usd'], places=4)}</td></tr>"
        )
    heads = ("As of, UTC", "Symbols", "State", "Likeliest", "Cost")
    return table("Runs", heads, rows)


def record_html(found: Json) -> str:
    """Return what each analyst was worth so far, with n and intervals, and its reliability."""
    told = (
        f"{found['graded']:,} forecasts over {found['horizon_days']} sessions are graded, "
        f"{found['waiting']:,} are not due. A coin scores {found['coin']['brier']:.4f} (Brier) and "
        f"{found['coin']['log_score']:.4f} (log score, nats)."
    )
    if not found["analysts"]:
        return empty(f"{told} Before that all weigh the same, and little of what they say counts.")
    rows = [
        cells(
            one["analyst"].replace("_", " "),
            f"{one['weight']:.2f}",
            f"{one['n']:,} ({one['independent']:,.0f} independent)",
            f"{one['came_true']:.1%}",
            _score(one["brier"]),
            _score(one["log_score"]),
            _score(one["brier_stated"]),
        )
        for one in found["analysts"]
    ]
    heads = (
        "Analyst",
        "Weight",
        "Graded",
        "Came true",
        "Brier, 90 % interval",
        "Log score",
        "Brier of its own word",
    )
    drawn = "".join(
        f"<figure>{reliability(one['analyst'], one['reliability'])}"
        f"<figcaption>{_name(one['analyst'])}, n = {one['n']:,}</figcaption></figure>"
        for one in found["analysts"]
    )
    return (
        f'<p class="quiet">{told}</p>{table("Track record", heads, rows)}'
        f'<div class="figures">{drawn}</div><p class="quiet">Across: what was stated, in 100; '
        "upwards: how much of it came true, with 90 % interval. On the line, a word is worth what "
        "it says.</p>"
    )


def _score(score: Json) -> str:
    return f"{score['mean']:.4f} ({score['low']:.4f} to {score['high']:.4f})"
