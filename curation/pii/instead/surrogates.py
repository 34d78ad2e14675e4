"""Made-up values of the same kind and format: the same for the same value and key, in any order, in any process.

What can be is taken from ranges that belong to nobody: addresses under example.com (RFC 2606), 555-0100 to 555-0199
for North American numbers, IP addresses of the documentation networks (RFC 5737, 3849), social security numbers from
900 on. Cards pass the Luhn check where the original does, IBANs their check digits. A type without a rule here, and a
value in a format that is not known, gets the typed placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from curation.pii.instead import dates, places
from curation.pii.instead.drawing import Drawn, digits_of, filled
from curation.pii.instead.names import Pseudonyms, lists
from data.key import Key
from data.sealing import normalised

# What stands before the @ of an address that is nobody's own.
_OFFICES = frozenset(
    {
        "abuse",
        "accounts",
        "admin",
        "billing",
        "contact",
        "dev",
        "editor",
        "enquiries",
        "feedback",
        "hello",
        "help",
    }
    | {
        "hr",
        "info",
        "invoices",
        "jobs",
        "list",
        "listmaster",
        "mail",
        "marketing",
        "news",
        "newsletter",
        "noreply",
    }
    | {
        "no",
        "reply",
        "office",
        "orders",
        "owner",
        "postmaster",
        "press",
        "privacy",
        "request",
        "root",
        "sales",
    }
    | {
        "security",
        "service",
        "social",
        "subscribe",
        "support",
        "team",
        "tech",
        "unsubscribe",
        "users",
        "webmaster",
    }
)
_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension)\s*\d+$", re.IGNORECASE)
_SPELLED = re.compile(r"(?P<at>\s*[(\[{]?\s*\bat\b\s*[)\]}]?\s*)", re.IGNORECASE)


class Surrogates:
    """Makes surrogates under one key."""

    def __init__(self, key: Key, pseudonyms: Pseudonyms) -> None:
        self._key = key
        self._pseudonyms = pseudonyms

    def of(self, entity: str, value: str) -> str | None:
        """The surrogate of a value; None where there is none of its kind."""
        rule = RULES.get(entity)
        return rule(self, value) if rule else None

    def drawn(self, purpose: str, value: str) -> Drawn:
        """What is drawn for a value."""
        return Drawn(self._key, purpose, value)

    # ---------------------------------------------------------------- one rule a type

    def person(self, value: str) -> str:
        """See `Pseudonyms.person`."""
        return self._pseudonyms.person(value)

    def email(self, value: str) -> str | None:
        """The words before the @ as in names, the domain another one; spelled out where the original is."""
        local, at, domain = value.rpartition("@")
        if not at:
            parts = _SPELLED.split(value, maxsplit=1)
            if len(parts) != 3:
                return None
            local, at, domain = parts
        spelled = re.search(r"\bdot\b", domain, re.IGNORECASE)
        dot = " dot " if spelled else "."
        plain = re.sub(r"\W*\bdot\b\W*", ".", domain, flags=re.IGNORECASE).strip().casefold()
        return self._words(local) + at + dot.join(self._host(plain).split("."))

    def _words(self, text: str) -> str:
        """Each run of letters as a word of a name, each digit as another one."""

        def one(match: re.Match[str]) -> str:
            word = match.group()
            if word.isdigit():
                return self.drawn("digits", word).layout(word)
            if len(word) == 1:
                return self.drawn("letter", word.casefold()).sign(word)
            if word.casefold() in _OFFICES or word.casefold() == "dot":
                return word
            return re.sub(r"\W", "", self._pseudonyms.word(word))

        return re.sub(r"[^\W\d_]+|\d+", one, text)

    def _host(self, host: str) -> str:
        drawn = self.drawn("host", host)
        family = lists()["en"].family
        ending = host.rpartition(".")[2]
        return f"{normalised(drawn.choice(family))}.example.{ending if ending in ('com', 'net', 'org') else 'com'}"

    def phone(self, value: str) -> str | None:
        """The digits' layout stays. A North American number becomes one of those that are never given out."""
        found = _EXTENSION.search(value)
        main, extension = (value[: found.start()], found.group()) if found else (value, "")
        digits = digits_of(main)
        if len(digits) < 5:  # in words
            return None
        lead = _calling_code(main, digits)
        rest = digits[len(lead) :]
        drawn = self.drawn("phone", rest)
        if len(rest) == 10 and lead in ("", "1", "001"):
            new = f"{2 + drawn.below(8)}{drawn.below(9)}{drawn.below(10)}55501{drawn.below(100):02}"
        elif len(rest) == 7 and not lead:
            new = f"55501{drawn.below(100):02}"
        else:  # a zero before the area code stays
            new = "".join("0" if n == 0 == int(d) else str(1 + drawn.below(9)) for n, d in enumerate(rest))
        other = self.drawn("extension", extension).layout(digits_of(extension))
        return filled(main, lead + new) + filled(extension, other)

    def card(self, value: str) -> str:
        """As long, the first digit (the scheme) kept; passes Luhn where the original does, and only there."""
        from stdnum import luhn

        digits = digits_of(value)
        if len(digits) < 2:
            return self.layout(value)
        drawn = self.drawn("card", digits)
        body = digits[0] + "".join(str(drawn.below(10)) for _ in digits[2:])
        check = luhn.calc_check_digit(body)
        if not luhn.is_valid(digits):
            check = str((int(check) + 1 + drawn.below(9)) % 10)
        return filled(value, body + check)

    def iban(self, value: str) -> str | None:
        """Country and length stay, the check digits are right."""
        from stdnum import iban

        compact = re.sub(r"\W", "", value).upper()
        if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", compact, re.ASCII):
            return None
        body = self.drawn("iban", compact).layout(compact[4:])
        check = iban.calc_check_digits(f"{compact[:2]}00{body}")
        signs = iter(compact[:2] + check + body)
        written = "".join(next(signs) if sign.isalnum() else sign for sign in value)
        return written.lower() if value.islower() else written

    def ssn(self, value: str) -> str:
        """From 900 on: never given out as such, and not as a taxpayer's number with a group below 50."""
        digits = digits_of(value)
        drawn = self.drawn("ssn", digits)
        return filled(
            value, f"9{drawn.below(100):02}{1 + drawn.below(49):02}{1 + drawn.below(9999):04}"[: len(digits)]
        )

    def ip(self, value: str) -> str:
        """An address of a documentation network."""
        drawn = self.drawn("ip", value.casefold())
        if ":" in value:
            return f"2001:db8::{drawn.below(65536):x}:{drawn.below(65536):x}"
        return drawn.choice(("192.0.2", "198.51.100", "203.0.113")) + f".{1 + drawn.below(254)}"

    def hexadecimal(self, value: str) -> str:
        """Hexadecimal digits for hexadecimal digits."""
        drawn = self.drawn("hex", value.casefold())
        signs = "0123456789abcdef"
        new = "".join(signs[drawn.below(16)] if s.lower() in signs else s for s in value)
        return new.upper() if value.isupper() else new

    def url(self, value: str) -> str:
        """The scheme stays; another host; path and query sign by sign."""
        found = re.fullmatch(
            r"(?P<scheme>(?:[a-z]+://)?(?:www\.)?)(?P<host>[^/?#:]+)(?P<rest>.*)", value, re.I | re.S
        )
        if not found:
            return self.layout(value)
        host = self._host(found["host"].casefold())
        return found["scheme"] + host + self.drawn("path", found["rest"]).layout(found["rest"])

    def layout(self, value: str) -> str:
        """Letter for letter and digit for digit. Check digits do not hold."""
        return self.drawn("layout", value).layout(value)


Rule = Callable[[Surrogates, str], str | None]
# SECRET has none: nobody is served by a key that looks real.
RULES: Mapping[str, Rule] = {
    "PERSON": Surrogates.person,
    "EMAIL_ADDRESS": Surrogates.email,
    "PHONE_NUMBER": Surrogates.phone,
    "CREDIT_CARD": Surrogates.card,
    "IBAN_CODE": Surrogates.iban,
    "US_SSN": Surrogates.ssn,
    "IP_ADDRESS": Surrogates.ip,
    "MAC_ADDRESS": Surrogates.hexadecimal,
    "UUID": Surrogates.hexadecimal,
    "DATE_TIME": lambda own, value: dates.when(own.drawn, value),
    "DATE_OF_BIRTH": lambda own, value: dates.when(own.drawn, value),
    "AGE": lambda own, value: dates.age(own.drawn, value),
    "STREET_ADDRESS": lambda own, value: places.street(own.drawn, value),
    "ORGANIZATION": lambda own, value: places.organization(own.drawn, value),
    "LOCATION": lambda own, value: places.location(own.drawn, value),
    "URL": Surrogates.url,
} | dict.fromkeys(
    (
        "CRYPTO", "MEDICAL_LICENSE", "UK_NHS", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "US_ITIN", "US_PASSPORT",
        "ZIP_CODE", "NATIONAL_ID",
    ),
    Surrogates.layout,
)  # fmt: skip


def _calling_code(number: str, digits: str) -> str:
    """The digits of a country at the beginning of a number, with `00` where that stands for the `+`."""
    import phonenumbers

    zeros = "00" if number.lstrip("( ").startswith("00") else ""
    if not zeros and not number.lstrip("( ").startswith("+"):
        return "1" if len(digits) == 11 and digits[0] == "1" else ""
    try:
        parsed = phonenumbers.parse("+" + digits.removeprefix(zeros), None)
    except phonenumbers.NumberParseException:
        return zeros
    return f"{zeros}{parsed.country_code}"
