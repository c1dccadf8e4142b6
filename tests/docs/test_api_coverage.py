"""The page of what is served must be what is served."""

from docs.make_api_coverage import PAGE, of_the_sdk, page


def test_the_coverage_page_is_current() -> None:
    assert PAGE.read_text() == page(), "Run python docs/make_api_coverage.py."


def test_the_sdks_routes_are_found() -> None:
    routes = of_the_sdk()
    assert len(routes) > 200
    assert ("POST", "/v1/convai/twilio/outbound-call") in routes
