"""The walk through history as a table for the documentation and as a diagram to look at."""

from plotly.graph_objs import Figure  # type: ignore[attr-defined]

from graphs.stocks.walk_forward import Panel, Report

SHOWN = ("earned weights", "equal weights", "mean of what is stated")


def markdown(report: Report, panel: Panel, horizon: int) -> str:
    """Return the table, with what it was made on."""
    lines = [
        f"{len(panel.symbols)} shares, {panel.dates[0]} to {panel.dates[-1]}, a forecast every "
        f"{horizon} sessions for the next {horizon}.",
        "",
        "| way | n | log score | Brier | gain over 50 %, 1/1000 nat | 90 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for row in report.rows():
        lines.append(
            f"| {row['way']} | {row['n']:,} | {row['log score']:.4f} | {row['brier']:.4f} | "
            f"{row['gain']:+.2f} | {row['low']:+.2f} to {row['high']:+.2f} |"
        )
    earned = ", ".join(
        f"{name} {standing.weight:.2f}" for name, standing in sorted(report.standings.items())
    )
    return "\n".join([*lines, "", f"Weights at the end (0.2 is the floor, 1 the most): {earned}."])


def figure(report: Report) -> Figure:
    """Return the reliability diagram: what was said against how often it came true."""
    picture = Figure()
    picture.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as said", line={"dash": "dot", "color": "gray"}
    )
    for way in SHOWN:
        bins = report.reliability_of(way)
        picture.add_scatter(
            x=[stated for stated, *_ in bins],
            y=[came_true for _, came_true, *_ in bins],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - true for _, true, _, high, _ in bins],
                "arrayminus": [true - low for _, true, low, _, _ in bins],
            },
            mode="markers+lines",
            name=way,
        )
    picture.update_layout(
        title="How often came true what was said",
        xaxis={"title": "said", "tickformat": ".0%", "range": [0.4, 0.65]},
        yaxis={"title": "came true", "tickformat": ".0%", "range": [0.4, 0.65]},
    )
    return picture
