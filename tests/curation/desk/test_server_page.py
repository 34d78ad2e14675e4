"""An annotator's day on the real page, in a real browser: log in, find a record, answer, mark a span, submit.

With TUNEPROOF_PICTURES=FOLDER the pictures of docs/annotators.md are written there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "samples" / "marketing.jsonl"
LABELS = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER")
CONTACT = "Robert Porter"
QUESTIONS = [
    {
        "name": "fate", "title": "Keep, fix or drop?", "required": True,
        "settings": {"type": "label_selection",
                     "options": [{"value": one, "text": one} for one in ("keep", "fix", "drop")]},
    },
    {
        "name": "fixed", "title": "The answer as it should be (only if you chose fix)", "required": False,
        "settings": {"type": "text", "use_markdown": False},
    },
    {
        "name": "personal", "title": "Personal data", "required": False,
        "settings": {"type": "span", "field": "text", "allow_overlapping": False,
                     "options": [{"value": one, "text": one} for one in LABELS]},
    },
]  # fmt: skip
# Where a piece of the shown text is on the screen: x, y, width, height.
PLACE = """piece => {
    const node = document.querySelector('.span-annotation__field').firstChild;
    const start = node.textContent.indexOf(piece);
    const range = document.createRange();
    range.setStart(node, start);
    range.setEnd(node, start + piece.length);
    const box = range.getBoundingClientRect();
    return [box.x, box.y, box.width, box.height];
}"""


def sample_rows(count: int) -> list[dict]:
    """So many rows of the sample that can be read, the one with CONTACT among them."""
    rows = []
    for line in SAMPLE.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            rows.append(
                {"external_id": row["id"], "text": "\n\n".join(one["content"] for one in row["messages"][1:])}
            )
        except (ValueError, KeyError, TypeError):
            continue
    first = [row for row in rows if CONTACT in row["text"]][:1]
    return (first + [row for row in rows if row not in first])[:count]


@pytest.fixture
def picture(page, tmp_path):
    """Write a picture of the page, for docs/annotators.md where it is asked for."""
    folder = Path(os.environ.get("TUNEPROOF_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> Path:
        file = folder / f"{name}.png"
        page.mouse.move(1030, 630)  # nothing there lights up
        page.wait_for_timeout(700)  # what is fading in
        page.screenshot(path=file)
        assert file.stat().st_size > 5_000
        return file

    return take


def test_200_records_answered_by_rest_and_on_the_page(desk, page, picture) -> None:
    dataset = desk.dataset("Brambleby letters", questions=QUESTIONS, overlap=2)
    rows = sample_rows(200)
    assert len(rows) == 200
    desk.log(dataset, [
        {
            "external_id": row["external_id"],
            "fields": {"text": row["text"]},
            "suggestions": [{"question": "fate", "value": "keep", "agent": "quality", "score": 0.7}],
        }
        for row in rows
    ])  # fmt: skip
    # Two annotators by REST, each on the first of the own queue.
    for name in ("ann", "ben"):
        queue = desk.search(dataset, user=name, limit=20)["items"]
        for number, item in enumerate(queue):
            desk.answer(item["record"]["id"], {"fate": ("keep", "fix", "drop")[number % 3]}, name)

    # A third by clicking. The page asks nobody but the desk.
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.startswith("http") else None)
    page.goto(f"{desk.url}/sign-in")
    page.fill("input[type=text]", "eva")
    page.fill("input[type=password]", "a wrong one")
    picture("login")
    page.click("button:has-text('Sign in')")
    page.wait_for_selector("text=/wrong|incorrect|invalid|try again/i")
    page.fill("input[type=password]", desk.users["eva"]["password"])
    page.click("button:has-text('Sign in')")
    page.click("text=Brambleby letters")
    page.wait_for_selector('label:has-text("fix")')
    page.click("[class*=search] >> nth=0")
    page.keyboard.type(CONTACT)
    page.keyboard.press("Enter")
    page.wait_for_url("**search=Robert**")
    page.wait_for_selector(f"text={CONTACT}")
    page.click('label:has-text("fix")')
    page.click("#contentId")
    page.keyboard.type("Some days ask for little. This pen dims with a tap.")
    page.click("[aria-label=PERSON]")
    x, y, width, height = page.evaluate(PLACE, CONTACT)
    page.mouse.move(x + 1, y + height / 2)
    page.mouse.down()
    page.mouse.move(x + width - 2, y + height / 2, steps=8)
    page.mouse.up()
    picture("record")
    page.click('button:has-text("Submit")')
    page.wait_for_selector("text=no pending records")
    page.click("[class*=search] svg >> nth=-1")  # the cross that ends the search
    page.click("[class*=panel] >> text=Submitted")
    picture("submitted")

    assert asked and {url for url in asked if not url.startswith(desk.url)} == set()
    found = desk.search(dataset, {"query": {"text": {"q": f'"{CONTACT}"'}}}, user="eva", include="responses")[
        "items"
    ][0]["record"]
    (answer,) = [
        one for one in found["responses"] if one["user_id"] == desk.ask("GET", "me", user="eva")["id"]
    ]
    assert answer["status"] == "submitted"
    values = {name: one["value"] for name, one in answer["values"].items()}
    assert values["fate"] == "fix"
    assert values["fixed"] == "Some days ask for little. This pen dims with a tap."
    start = found["fields"]["text"].index(CONTACT)
    assert [(one["start"], one["end"], one["label"]) for one in values["personal"]] == [
        (start, start + len(CONTACT), "PERSON")
    ]
    progress = desk.ask("GET", f"datasets/{dataset}/progress", user="owner")
    assert progress["total"] == 200
    by_user = {
        name: desk.ask("GET", f"me/datasets/{dataset}/metrics", user=name)["responses"]["submitted"]
        for name in ("ann", "ben", "eva")
    }
    assert by_user == {"ann": 20, "ben": 20, "eva": 1}
