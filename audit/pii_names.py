"""One table of names: what different label sets and detectors call the same kind of personal data.

Typed scores compare these kinds and not the labels: a street that is found as a place is found.
"""

from __future__ import annotations

KINDS: dict[str, tuple[str, ...]] = {
    "PERSON": ("PER", "NAME", "FULL_NAME", "FIRST_NAME", "GIVEN_NAME", "LAST_NAME", "SURNAME", "MIDDLE_NAME"),
    "LOCATION": (
        "GPE", "LOC", "FAC", "PLACE", "ADDRESS", "STREET_ADDRESS", "STREET", "STREET_NAME", "BUILDING_NUMBER", "CITY",
        "STATE", "COUNTRY", "COUNTY", "ZIP_CODE", "ZIP", "ZIPCODE", "POSTCODE", "POSTAL_CODE", "SECONDARY_ADDRESS",
    ),
    "ORGANIZATION": ("ORG", "ORGANISATION", "COMPANY", "CORPORATION", "COMPANY_NAME"),
    "DATE_TIME": ("DATE", "TIME", "DATE_OF_BIRTH", "DOB", "BIRTHDAY"),
    "NRP": ("NORP", "NATIONALITY", "RELIGION"),
    "TITLE": ("PREFIX", "JOB", "JOB_TITLE"),
    "PHONE_NUMBER": ("PHONE", "TELEPHONE", "TELEPHONENUM", "FAX"),
    "EMAIL_ADDRESS": ("EMAIL", "E_MAIL"),
    "URL": ("DOMAIN_NAME", "DOMAIN", "WEBSITE"),
    "IP_ADDRESS": ("IP", "IPV4", "IPV6"),
    "CREDIT_CARD": ("CREDIT_CARD_NUMBER", "CREDITCARDNUMBER", "CARD_NUMBER"),
    "IBAN_CODE": ("IBAN",),
    "SECRET": ("API_KEY", "PASSWORD", "AUTH_TOKEN", "TOKEN", "KEY"),
    "NATIONAL_ID": (
        "US_SSN", "SSN", "SOCIAL_SECURITY_NUMBER", "US_ITIN", "UK_NHS", "TAX_ID", "GOVERNMENT_ID", "ID_CARD", "ID",
        "US_PASSPORT", "PASSPORT", "US_DRIVER_LICENSE", "DRIVER_LICENSE", "DRIVERS_LICENSE",
    ),
    "US_BANK_NUMBER": ("BANK_ACCOUNT", "ROUTING_NUMBER", "ACCOUNT_NUMBER", "BBAN"),
}  # fmt: skip
# What names no person by itself; the rest are the core types, of which a false alarm costs most.
CONTEXT_KINDS = frozenset({"ORGANIZATION", "DATE_TIME", "TITLE", "NRP"})

_KIND = {label: kind for kind, labels in KINDS.items() for label in (kind, *labels)}


def kind_of(label: str) -> str:
    """The kind that `label` belongs to: by the table, without `B-` or `I-` before it; else the label in capitals."""
    name = label.strip().upper().replace(" ", "_").replace("-", "_")
    if name[:2] in ("B_", "I_"):
        name = name[2:]
    return _KIND.get(name, name)
