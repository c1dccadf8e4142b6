"""Hindi: numbers below a hundred have a word each, and a time has its halves and quarters."""

from voice.speakable.language import Clock, Currency, Language

_WORDS = """
    शून्य एक दो तीन चार पाँच छह सात आठ नौ
    दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस
    बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस
    तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस
    चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास
    पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ
    साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर
    सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी
    अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी
    नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे
"""
_BELOW_100 = tuple(_WORDS.split())
_SIZES = ((10_000_000, "करोड़"), (100_000, "लाख"), (1_000, "हज़ार"), (100, "सौ"))
_FIRST = {1: "पहला", 2: "दूसरा", 3: "तीसरा", 4: "चौथा", 6: "छठा"}
_PM = ((12, "दोपहर"), (4, "शाम"), (8, "रात"))
"""What the hours after noon are called, from the hour on; twelve comes first."""


class Hindi(Language):
    """Everything in lakhs and crores, however it is written."""

    code = "hi"
    stop = "।"
    digits = _BELOW_100[:10]
    words = {
        "point": "दशमलव", "minus": "माइनस", "plus": "प्लस", "to": "से", "and": "और",
        "percent": "प्रतिशत", "at": "ऐट", "dot": "डॉट", "dash": "डैश", "slash": "स्लैश",
        "underscore": "अंडरस्कोर", "by": "बटा", "times": "गुणा", "equals": "बराबर",
        "number": "नंबर", "about": "लगभग", "degrees": "डिग्री", "less": "से कम",
        "more": "से ज़्यादा", "at most": "ज़्यादा से ज़्यादा", "at least": "कम से कम",
    }  # fmt: skip
    phrases = {
        "code": "मैंने चैट में कोड लिख दिया है।",
        "table": "मैंने चैट में एक तालिका लिख दी है।",
        "html": "मैंने चैट में कुछ लिखा है जिसे मैं पढ़कर नहीं सुना सकती।",
        "image": "एक तस्वीर",
    }
    currencies = {
        "INR": Currency("रुपया", "रुपये", "पैसा", "पैसे"),
        "USD": Currency("डॉलर", "डॉलर", "सेंट", "सेंट"),
        "EUR": Currency("यूरो", "यूरो", "सेंट", "सेंट"),
        "GBP": Currency("पाउंड", "पाउंड", "पेनी", "पेंस"),
    }
    scales = {
        "k": "हज़ार", "thousand": "हज़ार", "हज़ार": "हज़ार", "हजार": "हज़ार", "l": "लाख",
        "lac": "लाख", "lakh": "लाख", "lakhs": "लाख", "लाख": "लाख", "cr": "करोड़",
        "crore": "करोड़", "crores": "करोड़", "करोड़": "करोड़", "m": "मिलियन",
        "million": "मिलियन", "bn": "बिलियन", "billion": "बिलियन", "lpa": "लाख सालाना",
    }  # fmt: skip
    units = {
        symbol: (word, word)
        for symbol, word in {
            "km/h": "किलोमीटर प्रति घंटा", "kmph": "किलोमीटर प्रति घंटा", "km": "किलोमीटर",
            "किमी": "किलोमीटर", "cm": "सेंटीमीटर", "mm": "मिलीमीटर", "m": "मीटर",
            "kg": "किलोग्राम", "किग्रा": "किलोग्राम", "mg": "मिलीग्राम", "g": "ग्राम",
            "ml": "मिलीलीटर", "L": "लीटर", "ft": "फ़ुट", "sq ft": "वर्ग फ़ुट", "GB": "जीबी",
            "MB": "एमबी", "kWh": "किलोवाट घंटे", "kW": "किलोवाट", "hrs": "घंटे", "hr": "घंटा",
            "mins": "मिनट", "min": "मिनट", "secs": "सेकंड", "sec": "सेकंड", "s": "सेकंड",
            "h": "घंटे", "°C": "डिग्री सेल्सियस", "°F": "डिग्री फ़ारेनहाइट",
        }.items()
    }  # fmt: skip
    abbreviations = {
        "डॉ.": "डॉक्टर", "श्री.": "श्री", "प्रो.": "प्रोफ़ेसर", "लि.": "लिमिटेड",
        "Dr.": "डॉक्टर", "Mr.": "मिस्टर", "Mrs.": "मिसेज़", "LPA": "लाख सालाना",
    }  # fmt: skip
    months = (
        "जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर",
        "अक्टूबर", "नवंबर", "दिसंबर",
    )  # fmt: skip
    fractions = {
        "1/2": "आधा", "1/3": "एक तिहाई", "2/3": "दो तिहाई", "1/4": "एक चौथाई",
        "3/4": "तीन चौथाई", "24/7": "चौबीसों घंटे",
    }  # fmt: skip
    per = {
        "month": "प्रति माह", "माह": "प्रति माह", "महीना": "प्रति महीना", "year": "प्रति वर्ष",
        "वर्ष": "प्रति वर्ष", "साल": "प्रति साल", "day": "प्रति दिन", "दिन": "प्रति दिन",
        "hour": "प्रति घंटा", "घंटा": "प्रति घंटा",
    }  # fmt: skip

    def cardinal(self, number: int, *, indian: bool = False) -> str:
        """Say a number in crores, lakhs, thousands and hundreds."""
        parts = []
        for size, name in _SIZES:
            count, number = divmod(number, size)
            if count:
                parts.append(f"{self.cardinal(count)} {name}")
        return " ".join([*parts, *([_BELOW_100[number]] if number or not parts else [])])

    def ordinal(self, number: int) -> str:
        """Say `5` as `पाँचवाँ`."""
        return _FIRST.get(number) or f"{self.cardinal(number)}वाँ"

    def year(self, number: int) -> str:
        """Say `1947` as `उन्नीस सौ सैंतालीस`."""
        if not 1100 <= number < 2000:
            return self.cardinal(number)
        hundreds, rest = divmod(number, 100)
        return f"{self.cardinal(hundreds)} सौ{' ' + self.cardinal(rest) if rest else ''}"

    def clock(self, time: Clock) -> str:
        """Say `10:30` as `साढ़े दस बजे`."""
        hour, minute = time.hour, time.minute
        day = "सुबह " if time.half == "am" else ""
        if time.half == "pm":
            day = next(name for start, name in reversed(_PM) if hour % 12 >= start % 12) + " "
        named = {(1, 30): "डेढ़", (2, 30): "ढाई", (0, 45): "पौन", (12, 45): "पौन"}
        if said := named.get((hour, minute)):
            return f"{day}{said} बजे"
        if not minute:
            return f"{day}{self.cardinal(hour)} बजे"
        if minute in (15, 30) and 0 < hour <= 12:
            quarter = {15: "सवा ", 30: "साढ़े "}[minute]
            return f"{day}{quarter}{self.cardinal(hour)} बजे"
        if minute == 45 and 0 < hour < 12:
            return f"{day}पौने {self.cardinal(hour + 1)} बजे"
        return f"{day}{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट"

    def date(self, day: int, month: int, year: int | None, *, month_first: bool = False) -> str:
        """Say `15/08/2024` as `पंद्रह अगस्त दो हज़ार चौबीस`."""
        said = f"{_FIRST[1] if day == 1 else self.cardinal(day)} {self.months[month - 1]}"
        said = said.replace("पहला", "पहली")
        return said if year is None else f"{said} {self.year(year)}"
