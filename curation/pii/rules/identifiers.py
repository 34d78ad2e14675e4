"""Numbers that name a person or an account: by check digit (python-stdnum), and numbers spelled in words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple

from curation.pii.finding import Finding


class Number(NamedTuple):
    """A country's personal number: a module of python-stdnum, and the forms it is written in.

    Where `words` is empty the form alone is enough (letters or signs that nothing else has); a bare run of digits
    counts only behind one of `words`, since one number in ten or so has the right check digit by chance.
    """

    module: str
    pattern: str
    words: str = ""


_TAX = r"tax|steuer|fiscal|nif|tin\b|vat|contribuyente|id\b|identi|national|personal|citizen|social|insurance|security"
NUMBERS = (
    Number("es.dni", r"\d{8}-?[A-Z]"),
    Number("es.nie", r"[XYZ]-?\d{7}-?[A-Z]"),
    Number("it.codicefiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"),
    Number("mx.curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d"),
    Number("mx.rfc", r"[A-ZÑ]{4}\d{6}[A-Z\d]{3}", r"rfc|" + _TAX),
    Number("fi.hetu", r"\d{6}[-+A]\d{3}[\dA-Y]"),
    Number("fr.nir", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}"),
    Number("ch.ssn", r"756\.\d{4}\.\d{4}\.\d{2}"),
    Number("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    Number("br.cpf", r"\d{11}", r"cpf"),
    Number("in_.pan", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]"),
    Number("in_.aadhaar", r"\d{4} \d{4} \d{4}|\d{12}", r"aadhaar|aadhar|uid\b|" + _TAX),
    Number("be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    Number("nl.bsn", r"\d{9}", r"bsn|burgerservice|" + _TAX),
    Number("de.idnr", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", r"idnr|" + _TAX),
    Number("pl.pesel", r"\d{11}", r"pesel|" + _TAX),
    Number("se.personnummer", r"(?:19|20)?\d{6}[-+]\d{4}"),
    Number("no.fodselsnummer", r"\d{6} ?\d{5}", r"f[øo]dsel|person|" + _TAX),
    Number("dk.cpr", r"\d{6}-\d{4}", r"cpr|person|" + _TAX),
    Number("pt.nif", r"\d{9}", r"nif|contribuinte|" + _TAX),
    Number("ca.sin", r"\d{3}[ -]\d{3}[ -]\d{3}|\d{9}", r"\bsin\b|" + _TAX),
    Number("au.tfn", r"\d{3} ?\d{3} ?\d{2,3}", r"tfn|tax file|" + _TAX),
    Number("cl.rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]"),
    Number("za.idnr", r"\d{13}", r"south africa|" + _TAX),
    Number("kr.rrn", r"\d{6}-[1-8]\d{6}"),
    Number("cn.ric", r"\d{17}[\dX]", r"resident|" + _TAX),
    Number("ro.cnp", r"[1-8]\d{12}", r"cnp|" + _TAX),
    Number("cz.rc", r"\d{6}/\d{3,4}"),
    Number("hr.oib", r"\d{11}", r"oib|" + _TAX),
    Number("tr.tckimlik", r"\d{11}", r"kimlik|t\.?c\.?\b|" + _TAX),
    Number("gb.nhs", r"\d{3} ?\d{3} ?\d{4}", r"\bnhs\b"),
)
WORDS_WITHIN_CHARS = 60
# No checksum, but a form of its own.
_UK_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{1,4}:){1,7}(?::|[0-9a-f]{1,4})(?::?[0-9a-f]{1,4}){0,6}(?![\w:])", re.IGNORECASE
)
_DIGIT_WORD = r"(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_SPOKEN = re.compile(
    rf"\b(?:plus[\s,]+)?{_DIGIT_WORD}(?:(?:\s*,\s*|\s*-\s*|\s+){_DIGIT_WORD}){{6,}}\b", re.IGNORECASE
)
_COUNTING = re.compile(r"(?:zero\W+)?one\W+two\W+three\W+four\W+five", re.IGNORECASE)


def find(text: str) -> Iterator[Finding]:
    """Personal numbers, cards, IBANs, addresses of computers, telephone numbers in words."""
    if any(map(str.isdigit, text)):
        yield from _national(text)
        for match in _SSN.finditer(text):
            yield Finding("US_SSN", *match.span(), 0.8)
        for match in _UK_NINO.finditer(text):
            yield Finding("NATIONAL_ID", *match.span(), 0.8)
        for kind, pattern, valid in (
            (("CREDIT_CARD"), _CARD, _luhn),
            ("IBAN_CODE", _IBAN, _is_iban),
            ("IP_ADDRESS", _IPV6, _is_ip),
        ):
            for match in pattern.finditer(text):
                if valid(match.group()):
                    yield Finding(kind, *match.span(), 0.9)
    for match in _SPOKEN.finditer(text):
        if not _COUNTING.match(match.group()):
            yield Finding("PHONE_NUMBER", *match.span(), 0.7)


def _national(text: str) -> Iterator[Finding]:
    low = text.lower()
    for pattern, words, valid in _compiled():
        if words is not None and not words.search(low):
            continue
        for match in pattern.finditer(text):
            before = low[max(0, match.start() - WORDS_WITHIN_CHARS) : match.start()]
            if (words is None or words.search(before)) and valid(match.group()):
                yield Finding("NATIONAL_ID", *match.span(), 0.8)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], re.Pattern[str] | None, Callable[[str], bool]], ...]:
    return tuple(
        (
            re.compile(rf"(?<![\w.-])(?:{number.pattern})(?![\w-])"),
            re.compile(number.words) if number.words else None,
            import_module(f"stdnum.{number.module}").is_valid,
        )
        for number in NUMBERS
    )


def _luhn(text: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", text)
    return len(set(digits)) > 2 and bool(luhn.is_valid(digits))


def _is_iban(text: str) -> bool:
    """By its check digits, which depend on no country's own rules."""
    from stdnum.iso7064 import mod_97_10

    compact = re.sub(r"\W", "", text).upper()
    return 15 <= len(compact) <= 34 and bool(mod_97_10.is_valid(compact[4:] + compact[:4]))


def _is_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)
