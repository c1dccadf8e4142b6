"""Answers callers give in the eligibility interview, with what must be understood of each."""

from typing import Literal, NamedTuple

EMPLOYMENT = ("salaried", "self-employed", "business", "student", "retired")
CITIES = ("Mumbai", "Delhi", "Bengaluru", "Pune", "Hyderabad", "Chennai")
AMOUNTS = ("thousand", "lakh", "rupees", "a month", "per annum", "LPA")
YES_NO = ("yes", "no", "sure", "not interested")


class Answer(NamedTuple):
    """One answer and what must be understood of it.

    Attributes:
        kind: the question it answers.
        keywords: what the question says it expects.
        text: what is said.
        meaning: alternatives, each a set of words of which all must be heard.
    """

    text: str
    kind: "Kind"
    keywords: tuple[str, ...]
    meaning: tuple[str, ...]


Kind = Literal["yes_no", "employment", "amount", "city"]


def _said(
    kind: Kind, keywords: tuple[str, ...], answers: dict[str, tuple[str, ...]]
) -> list[Answer]:
    return [Answer(text, kind, keywords, meaning) for text, meaning in answers.items()]


ANSWERS = [
    *_said(
        "yes_no",
        YES_NO,
        {
            "Yes.": ("yes",),
            "Yes, sure, go ahead.": ("yes",),
            "No.": ("no",),
            "No, thank you.": ("no",),
            "Yeah, why not?": ("yeah why not",),
            "Sure, I have two minutes.": ("sure",),
            "Not interested, please don't call again.": ("not interested don't call",),
            "Okay, please continue.": ("okay", "ok"),
            "Who is this?": ("who this",),
            "Can you repeat the question?": ("repeat",),
            "Sorry, I did not hear you.": ("not hear",),
            "Are you a robot?": ("you robot",),
            "I want to speak to a person.": ("speak person",),
            "Please call me later.": ("call later",),
            "Goodbye.": ("goodbye", "good bye"),
            "Of course.": ("of course",),
        },
    ),
    *_said(
        "employment",
        EMPLOYMENT,
        {
            "I am salaried.": ("salaried",),
            "Yes, I am salaried.": ("salaried",),
            "I'm a salaried employee.": ("salaried employee",),
            "I work in a private company.": ("work private company",),
            "I am self-employed.": ("self employed",),
            "I run my own business.": ("own business",),
            "I'm a student.": ("student",),
            "I am retired.": ("retired",),
            "I lost my job last month.": ("lost job",),
            "No, I am salaried, not self-employed.": ("no salaried not self employed",),
            "I have a government job.": ("government job",),
            "I'm a software engineer.": ("software engineer",),
            "I work for a bank in Mumbai.": ("work bank mumbai",),
            "I am a freelancer.": ("freelancer", "freelance"),
            "Currently I am not working.": ("not working",),
        },
    ),
    *_said(
        "amount",
        AMOUNTS,
        {
            "Forty thousand.": ("40000", "40 thousand"),
            "Forty thousand rupees a month.": ("40000",),
            "I earn twenty five thousand rupees per month.": ("25000",),
            "About thirty thousand.": ("30000",),
            "One lakh.": ("100000",),
            "One lakh fifty thousand.": ("150000",),
            "My salary is one lakh twenty thousand rupees.": ("120000",),
            "Six lakh per annum.": ("600000 annum",),
            "Twelve lakhs a year.": ("1200000 year",),
            "Eighteen thousand five hundred.": ("18500",),
            "I make fifty five thousand a month.": ("55000",),
            "Around seventy thousand rupees.": ("70000",),
            "Sixty k.": ("60000",),
            "Twenty four thousand nine hundred.": ("24900",),
            "Two and a half lakh.": ("2 and a half lakh", "2.5 lakh", "250000"),
            "Between thirty and forty thousand.": ("30 and 40000", "30000 and 40000"),
            "My in hand salary is thirty five thousand.": ("35000",),
            "Fifteen thousand rupees only.": ("15000",),
        },
    ),
    *_said(
        "city",
        CITIES,
        {
            "Mumbai.": ("mumbai",),
            "I live in Mumbai.": ("live mumbai",),
            "Delhi.": ("delhi",),
            "I live in Delhi.": ("live delhi",),
            "Bengaluru.": ("bengaluru", "bangalore"),
            "I'm in Bangalore.": ("bengaluru", "bangalore"),
            "Pune.": ("pune",),
            "I stay in Hyderabad.": ("hyderabad",),
            "Chennai.": ("chennai",),
            "I moved from Delhi to Pune.": ("moved delhi pune",),
            "I live in New Delhi.": ("new delhi",),
            "Not Delhi, I live in Gurgaon.": ("not delhi gurgaon",),
            "I am from Kolkata.": ("kolkata",),
            "I live in Navi Mumbai.": ("navi mumbai",),
            "Jaipur, Rajasthan.": ("jaipur",),
            "I am in Bombay.": ("bombay",),
        },
    ),
]
"""Answers with digits in `meaning` stand for the amount, however it is written."""
