"""English as it is said in India: lakhs where they are written, day before month."""

from functools import lru_cache

from num2words import num2words

from voice.speakable.language import Clock, Currency, Language

_LAKH, _CRORE = 100_000, 10_000_000


class English(Language):
    """Numbers by `num2words`; groups of lakh and crore for sums that are written so."""

    code = "en"
    stop = "."
    digits = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    words = {
        "point": "point", "minus": "minus", "plus": "plus", "to": "to", "and": "and",
        "percent": "percent", "at": "at", "dot": "dot", "dash": "dash", "slash": "slash",
        "underscore": "underscore", "by": "by", "times": "times", "equals": "equals",
        "number": "number", "about": "about", "degrees": "degrees", "less": "less than",
        "more": "more than", "at most": "at most", "at least": "at least",
    }  # fmt: skip
    phrases = {
        "code": "I have put some code in the chat.",
        "table": "I have put a table in the chat.",
        "html": "I have put something in the chat that I cannot read out.",
        "image": "a picture",
    }
    currencies = {
        "INR": Currency("rupee", "rupees", "paisa", "paise"),
        "USD": Currency("dollar", "dollars", "cent", "cents"),
        "EUR": Currency("euro", "euros", "cent", "cents"),
        "GBP": Currency("pound", "pounds", "penny", "pence"),
    }
    scales = {
        "k": "thousand", "thousand": "thousand", "m": "million", "mn": "million",
        "million": "million", "b": "billion", "bn": "billion", "billion": "billion",
        "l": "lakh", "lac": "lakh", "lacs": "lakh", "lakh": "lakh", "lakhs": "lakh",
        "cr": "crore", "crore": "crore", "crores": "crore", "trillion": "trillion",
        "lpa": "lakhs per annum",
    }  # fmt: skip
    units = {
        "km/h": ("kilometre per hour", "kilometres per hour"),
        "kmph": ("kilometre per hour", "kilometres per hour"),
        "km": ("kilometre", "kilometres"), "cm": ("centimetre", "centimetres"),
        "mm": ("millimetre", "millimetres"), "m": ("metre", "metres"),
        "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"),
        "g": ("gram", "grams"), "ml": ("millilitre", "millilitres"), "L": ("litre", "litres"),
        "ft": ("foot", "feet"), "sq ft": ("square foot", "square feet"),
        "kWh": ("kilowatt hour", "kilowatt hours"), "kW": ("kilowatt", "kilowatts"),
        "GB": ("gigabyte", "gigabytes"), "MB": ("megabyte", "megabytes"),
        "TB": ("terabyte", "terabytes"), "KB": ("kilobyte", "kilobytes"),
        "Mbps": ("megabit per second", "megabits per second"),
        "GHz": ("gigahertz", "gigahertz"), "ms": ("millisecond", "milliseconds"),
        "hrs": ("hour", "hours"), "hr": ("hour", "hours"), "mins": ("minute", "minutes"),
        "min": ("minute", "minutes"), "secs": ("second", "seconds"), "sec": ("second", "seconds"),
        "s": ("second", "seconds"), "h": ("hour", "hours"),
        "°C": ("degree Celsius", "degrees Celsius"),
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    }  # fmt: skip
    abbreviations = {
        "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
        "approx.": "approximately", "p.a.": "per annum", "Dr.": "Doctor", "Mr.": "Mister",
        "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "Ltd.": "Limited",
        "Pvt.": "Private", "dept.": "department", "govt.": "government", "LPA": "lakhs per annum",
        "w.r.t.": "with respect to",
    }  # fmt: skip
    months = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    )  # fmt: skip
    fractions = {
        "1/2": "half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter",
        "3/4": "three quarters", "24/7": "twenty-four seven",
    }  # fmt: skip
    per = {
        "month": "per month", "mo": "per month", "year": "per year", "yr": "per year",
        "week": "per week", "day": "per day", "hour": "per hour", "hr": "per hour",
        "person": "per person", "unit": "per unit", "share": "per share",
    }  # fmt: skip

    def cardinal(self, number: int, *, indian: bool = False) -> str:
        """Say a number, with lakhs and crores if it was written so."""
        if not indian:
            return _words(number, "cardinal")
        parts = []
        for size, name in ((_CRORE, "crore"), (_LAKH, "lakh")):
            count, number = divmod(number, size)
            if count:
                parts.append(f"{self.cardinal(count, indian=True)} {name}")
        return " ".join([*parts, *([_words(number, "cardinal")] if number or not parts else [])])

    def ordinal(self, number: int) -> str:
        """Say `21` as `twenty-first`."""
        return _words(number, "ordinal")

    def year(self, number: int) -> str:
        """Say `2024` as `twenty twenty-four`."""
        return _words(number, "year")

    def clock(self, time: Clock) -> str:
        """Say `10:05` as `ten oh five`."""
        hour, half = self.cardinal(time.hour), {"": "", "am": " a m", "pm": " p m"}[time.half]
        if time.minute:
            oh = "oh " if time.minute < 10 else ""
            return f"{hour} {oh}{self.cardinal(time.minute)}{half}"
        if half:
            return hour + half
        return f"{hour} o'clock" if 0 < time.hour <= 12 else f"{hour} hundred hours"

    def date(self, day: int, month: int, year: int | None, *, month_first: bool = False) -> str:
        """Say `15 August 2024` as `fifteenth August twenty twenty-four`."""
        parts = [self.ordinal(day), self.months[month - 1]]
        said = " ".join(reversed(parts) if month_first else parts)
        return said if year is None else f"{said} {self.year(year)}"


@lru_cache(maxsize=4096)
def _words(number: int, kind: str) -> str:
    return str(num2words(number, to=kind)).replace(",", "").replace("oh-", "oh ")
