"""The readable part of an e-mail: its subject and its text, without routing headers and markup."""

from __future__ import annotations

import email
import html
import re
from email import policy
from email.message import EmailMessage

_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+")


def mail_text(raw: str) -> str:
    """`Subject: ...`, an empty line and the body of an RFC 5322 message; HTML bodies lose their tags.

    What cannot be decoded is kept as it stands: a damaged mail is still a text.
    """
    message = email.message_from_string(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = ""
    try:
        part = message.get_body(preferencelist=("plain", "html"))
        if part is not None:
            body = str(part.get_content())
            if part.get_content_type() == "text/html":
                body = _without_tags(body)
        subject = str(message.get("Subject", ""))
    except (LookupError, ValueError, UnicodeError, AttributeError, TypeError, KeyError):
        # Mails in the wild name charsets that do not exist and break their own headers.
        subject, body = "", raw.partition("\n\n")[2] or raw
    text = f"Subject: {subject}\n\n{body}" if subject else body
    return _SPACE.sub("\n\n", text.replace("\r\n", "\n")).strip().encode("utf-8", "replace").decode("utf-8")


def _without_tags(markup: str) -> str:
    return html.unescape(_TAG.sub(" ", markup))
