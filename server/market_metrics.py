"""How providers of market data are used by this server, for Prometheus."""

from collections.abc import Mapping

from tools.market.quota import Used


def market_metrics(providers: Mapping[str, Used]) -> list[str]:
    """Return the lines of the text format.

    Args:
        providers: what is used of each, by name; see `tools.market.quota.all_used`.
    """
    requests, taken, limits, costs = [], [], [], []
    for name, used in providers.items():
        for outcome, count in sorted(used.outcomes.items()):
            labels = f'provider="{name}",outcome="{outcome}"'
            requests.append(f"dialgraph_market_requests_total{{{labels}}} {count}")
        for limit, count in used.limits:
            labels = f'{{provider="{name}",window_secs="{limit.secs}"}}'
            taken.append(f"dialgraph_market_quota_used{labels} {count}")
            limits.append(f"dialgraph_market_quota{labels} {limit.count}")
        costs.append(f'dialgraph_market_cost_usd_total{{provider="{name}"}} {used.cost_usd:f}')
    return [
        "# HELP dialgraph_market_requests_total Requests of this server by what came of them.",
        "# TYPE dialgraph_market_requests_total counter",
        *requests,
        "# HELP dialgraph_market_quota_used Places taken within the window that ends now.",
        "# TYPE dialgraph_market_quota_used gauge",
        *taken,
        "# HELP dialgraph_market_quota Places of the window.",
        "# TYPE dialgraph_market_quota gauge",
        *limits,
        "# HELP dialgraph_market_cost_usd_total What providers said that they charge, USD.",
        "# TYPE dialgraph_market_cost_usd_total counter",
        *costs,
    ]
