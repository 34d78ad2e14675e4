"""A model of English is not asked for names in other scripts, and that is said."""

from __future__ import annotations

from curation.pii import PiiConfig, judge
from curation.pii.finding import other_script
from data.records import FrameRecords

ARABIC = "كيف يمكنني إلغاء الطلب رقم 15؟"
CHINESE = "请问如何取消我的订单？谢谢。"


def record(question: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": question}]}


def test_which_texts_are_in_another_script() -> None:
    texts = [
        ARABIC,
        CHINESE,
        "Où est Zoë?",
        "Жан живёт в Париже",
        "12:30 😀",
        "",
        "See 北京 in the north of China",
    ]
    assert other_script(texts) == [True, True, False, True, False, False, False]


def test_names_are_not_looked_for_but_addresses_are() -> None:
    said = judge(
        FrameRecords.of(
            record(ARABIC), record(f"{ARABIC} ann@example.com"), record("Ask Maria Gonzalez in Paris.")
        ),
        PiiConfig(),
    )
    tagged = said.filter(said["reason"] == "pii_other_script")
    assert tagged["record_id"].to_list() == ["r000", "r001"]
    edited = said.filter(said["action"] == "edit")
    assert edited["record_id"].to_list() == ["r001", "r002"]
    assert edited["detail"].to_list()[0] == "EMAIL_ADDRESS x2"
    assert "PERSON" in edited["detail"].to_list()[1]


def test_patterns_do_not_speak_of_scripts() -> None:
    assert judge(FrameRecords.of(record(ARABIC)), PiiConfig(engine="patterns")).is_empty()  # type: ignore[arg-type]
