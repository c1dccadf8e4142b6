"""Personal data is found and prices are left alone, as far as a labelled set can tell."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tools.privacy import Found, find, iban, luhn, redact, verhoeff
from tools.spoken_digits import spoken_runs

LABEL = re.compile(r"<([A-Z]+)\|([^>]*)>")
EXAMPLES: list[str] = yaml.safe_load(Path(__file__).with_name("privacy.yaml").read_text())


def labelled(example: str) -> tuple[str, list[Found]]:
    text, labels, last = "", [], 0
    for match in LABEL.finditer(example):
        text += example[last : match.start()]
        labels.append(Found(match.group(1), len(text), len(text) + len(match.group(2))))
        text += match.group(2)
        last = match.end()
    return text + example[last:], labels


def covered(label: Found, found: list[Found]) -> bool:
    return any(
        f.kind == label.kind and f.start <= label.start and label.end <= f.end for f in found
    )


def measure() -> tuple[Counter[str], Counter[str], list[str]]:
    """Return what is right, what there is, and what is wrong, by kind; precision under `found`."""
    right, there, wrong = Counter[str](), Counter[str](), list[str]()
    for example in EXAMPLES:
        text, labels = labelled(example)
        found = find(text)
        for label in labels:
            there[label.kind] += 1
            if covered(label, found):
                right[label.kind] += 1
            else:
                wrong.append(f"missed {label.kind}: {text!r}")
        for one in found:
            there["found"] += 1
            if any(
                one.kind == la.kind and one.start < la.end and la.start < one.end for la in labels
            ):
                right["found"] += 1
            else:
                wrong.append(f"false {one.kind}: {text!r} {text[one.start : one.end]!r}")
    return right, there, wrong


def test_precision_and_recall_on_the_labelled_set_are_what_the_page_says() -> None:
    right, there, wrong = measure()
    labels = sum(count for kind, count in there.items() if kind != "found")
    recall = sum(count for kind, count in right.items() if kind != "found") / labels
    precision = right["found"] / there["found"]
    counted = f"{labels} labels, {len(EXAMPLES)} sentences"
    said = f"recall {recall:.1%}, precision {precision:.1%}, {counted}"
    page = Path(__file__).parents[2] / "docs" / "compliance.md"
    assert said in page.read_text(), "\n".join([said, *wrong])


@pytest.mark.parametrize("kind", sorted({label.kind for e in EXAMPLES for label in labelled(e)[1]}))
def test_every_kind_is_found_at_least_three_times_in_four(kind: str) -> None:
    right, there, wrong = measure()
    assert right[kind] >= 0.75 * there[kind], wrong


def test_what_is_redacted_is_gone_and_the_rest_stays() -> None:
    text = "I'm Asha, asha@example.com, +12125550142, PAN ABCPE1234F, at ₹1,20,000."
    assert redact(text) == "I'm Asha, [EMAIL], [PHONE], PAN [PAN], at ₹1,20,000."


@given(st.text(max_size=200))
def test_any_text_is_redacted_and_stays_so(text: str) -> None:
    once = redact(text)
    assert all(a.end <= b.start for a, b in zip(find(text), find(text)[1:], strict=False))
    assert "[PHONE]" in once or redact(once) == once or find(once)


@given(st.integers(0, 10**15), st.integers(0, 9), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_never_fits_a_check_digit(body: int, _: int, at: int, more: int) -> None:
    for fits in (luhn, verhoeff):
        whole = next(f"{body:015d}{d}" for d in range(10) if fits(f"{body:015d}{d}"))
        digit = str((int(whole[at]) + more) % 10)
        assert not fits(whole[:at] + digit + whole[at + 1 :])


def test_an_iban_is_known_by_its_check_digits() -> None:
    assert iban("GB82 WEST 1234 5698 7654 32") and not iban("GB82 WEST 1234 5698 7654 33")


WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@given(st.text("0123456789", min_size=6, max_size=16))
def test_any_number_said_digit_by_digit_is_read_back(digits: str) -> None:
    said = " ".join(WORDS[int(digit)] for digit in digits)
    assert [run.digits for run in spoken_runs(f"It is {said}.")] == [digits]


@given(st.text("123456789", min_size=3, max_size=6))
def test_double_and_triple_are_so_many_digits(digits: str) -> None:
    said = ", ".join(f"double {WORDS[int(digit)]}" for digit in digits)
    (run,) = spoken_runs(said)
    assert run.digits == "".join(digit * 2 for digit in digits)
    assert said[run.start : run.end] == said


def test_a_large_text_takes_time_in_proportion() -> None:
    big = "nine eight seven and 12 a@b " * 20_000
    assert len(redact(big)) > 100_000
    assert redact("1" * 200_000 + "@" + "a." * 50_000)
