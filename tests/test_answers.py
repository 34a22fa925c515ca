"""Raw response in, answer and rule out. Every row is a decision that is documented."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.answers import DEFAULT_PARSER, get_parser, read_answer
from itr_bench.errors import ScoreError

ENGLISH = [
    # leading
    ("Yes", "yes", "leading"),
    ("yes.", "yes", "leading"),
    ("NO", "no", "leading"),
    ("  \n Yes\n", "yes", "leading"),
    ("**Yes**", "yes", "leading"),
    ('"No"', "no", "leading"),
    ("“No”.", "no", "leading"),
    ("> Yes", "yes", "leading"),
    ("- No", "no", "leading"),
    ("1. Yes", "yes", "leading"),
    ("Yes!!!", "yes", "leading"),
    ("✅ Yes", "yes", "leading"),
    ("Yes, the image adds a price list.", "yes", "leading"),
    ("No, the text is not shown.", "no", "leading"),
    ("No the text is not shown", "no", "leading"),
    ("No\n\nThe image shows a dog.", "no", "leading"),
    ("Yes, but no", "yes", "leading"),
    ("Yes, it is. No, wait.", "yes", "leading"),
    ("Yes. The text says no.", "yes", "leading"),
    ("Yes, no additional text is needed", "yes", "leading"),
    ("Yes — it does", "yes", "leading"),
    ("no no no", "no", "leading"),
    ("Assistant: No", "no", "leading"),
    ("ASSISTANT: **Yes**, because", "yes", "leading"),
    ("A: no", "no", "leading"),
    ("<|im_start|>assistant\nYes<|im_end|>", "yes", "leading"),
    ("Yes</s>", "yes", "leading"),
    ("No<|eot_id|>", "no", "leading"),
    ("Y", "yes", "leading"),
    ("n.", "no", "leading"),
    ("Y\nBecause the image shows it.", "yes", "leading"),
    ("Ｙｅｓ", "yes", "leading"),
    ("Yes\u200b", "yes", "leading"),
    ("Jā", "yes", "leading"),
    # marker
    ("**Answer:** YES; **EXPLANATION:** no text", "yes", "marker"),
    (
        "Yes, but wait. Looking again, the image repeats the text. So my final answer is No.",
        *("no", "marker"),
    ),
    ("Yes. On reflection it repeats the text. Therefore, the answer is no.", "no", "marker"),
    ("No... actually, yes. The scoreboard gives the result.", "none", "none"),
    ("Yes, no wait, I mean no.", "none", "none"),
    ("**Answer:** YES; no", "none", "none"),
    ("**Answer:** NO; yes", "none", "none"),
    ("Answer: NO; yes", "none", "none"),
    ("**Answer:** {YES}; **EXPLANATION:** {it is no dog}", "yes", "marker"),
    ("**Answer**: No", "no", "marker"),
    ("Answer: N", "no", "marker"),
    ("Answer: Y\nExplanation: foo", "yes", "marker"),
    ("Answer (Yes/No): No", "no", "marker"),
    ("Answer:\n\nYes", "yes", "marker"),
    ("The image shows soup. Answer: No", "no", "marker"),
    ("Answer: Yes. Answer: No", "yes", "marker"),
    ("Answer: Yes. Final answer: No", "no", "marker"),
    ("Final answer: yes\nFinal answer: no", "no", "marker"),
    ("Final Answer: Yes. But earlier Answer: No", "yes", "marker"),
    ("The final answer is: **No**", "no", "marker"),
    ("Answer: The image shows the cake, so yes, it does.", "yes", "marker"),
    ('{"answer": "yes", "explanation": "no"}', "yes", "marker"),
    ('{"explanation": "no, no", "answer": "No"}', "no", "marker"),
    ('```json\n{"Answer": "Yes"}\n```', "yes", "marker"),
    ('Sure: {"answer": "no"} ok', "no", "marker"),
    # clause
    ("So, yes, it does", "yes", "clause"),
    ("I would say no.", "no", "clause"),
    ("The image shows a cake. Yes.", "yes", "clause"),
    ("There is no text in it. So, yes, it adds.", "yes", "clause"),
    ("The answer is yes.", "yes", "clause"),
    ("Answer is No", "no", "clause"),
    ("### Answer\nNo", "no", "leading"),
    ("Is the image adding to the text meaning? No", "no", "clause"),
    # reasoning
    ("<think>yes, yes, yes</think>No", "no", "leading"),
    ("<thinking>hm</thinking>\n\nAnswer: yes", "yes", "marker"),
    ("some reasoning, no </think>\n\nYes", "yes", "leading"),
    ("<think>yes", "none", "empty"),
    ("Yes <think> or not", "none", "empty"),
    # no answer
    ("", "none", "empty"),
    ("...", "none", "empty"),
    ("Yes or No", "none", "none"),
    ("YES/NO", "none", "none"),
    ("Yes No", "none", "none"),
    ("Yes\nNo", "none", "none"),
    ("Yes and no", "none", "none"),
    ("Y/N", "none", "none"),
    ("y or n", "none", "none"),
    ("N/A", "none", "none"),
    ("yes no yes no", "none", "none"),
    ("Both yes and no", "none", "none"),
    ("Reply “Yes” or “No”.", "none", "none"),
    ("Reply “Yes” or “No”.\nYes", "none", "none"),
    (
        "**Answer:** {YES/NO}; **EXPLANATION:** {Motivation for the choosing the answer}",
        "none",
        "none",
    ),
    ("Answer: Yes or No?", "none", "none"),
    ("Answer:\nYes\nNo", "none", "none"),
    ("Explanation: yes it is. Answer: yes", "yes", "marker"),
    ("No text is visible in the image.", "none", "none"),
    ("No direct mention of the dish.", "none", "none"),
    ("No-one knows", "none", "none"),
    ("No. 5 is the best", "none", "none"),
    ("The answer is not yes", "none", "none"),
    ("Noted", "none", "none"),
    ("Yesterday", "none", "none"),
    ("Noodles", "none", "none"),
    ("nothing", "none", "none"),
    ("I'm sorry, I can't help with that.", "none", "none"),
    ("because un un un", "none", "none"),
    ("Ja, das ist so", "none", "none"),
    ("1. Yes 2. No", "none", "none"),
    ("1. No 2. Yes", "none", "none"),
    ("Options: 1. Yes 2. No", "none", "none"),
    ("A. Yes B. No", "none", "none"),
    ("Answer: a) yes b) no", "none", "none"),
    # what the rules must not take for an answer, and what they must
    ("No “text” is visible in the image.", "none", "none"),
    ("No ‘cake’ is shown.", "none", "none"),
    ("No (visible) text is in the image.", "none", "none"),
    ("No [relevant] text.", "none", "none"),
    ("No #hashtag is shown.", "none", "none"),
    ("No 🍕 is visible", "none", "none"),
    ("No/limited text is visible", "none", "none"),
    ("No in-depth explanation can be given", "none", "none"),
    ("1. Yes\n2. No", "none", "none"),
    ("1) Yes 2) No", "none", "none"),
    ("2. No\n1. Yes", "none", "none"),
    ("Yes (represented) or No (not represented)", "none", "none"),
    ("Yes, Maybe, No", "none", "none"),
    ("Yes if the image adds, no if it does not", "none", "none"),
    ("Yes: 60%, No: 40%", "none", "none"),
    ("Yes vs. no", "none", "none"),
    ("Answer: Yes, if it is represented; No, if it is not.", "none", "none"),
    ("No: the image does not add. Yes: it does.", "none", "none"),
    ("The text reads: No.", "none", "none"),
    ("The sign reads: Yes!", "none", "none"),
    ("I cannot say: yes", "none", "none"),
    ("The options are: yes", "none", "none"),
    ("Yes is not the right answer.", "none", "none"),
    ("Yes would be wrong here.", "none", "none"),
    ('"Yes" is not correct', "none", "none"),
    ('It reads "Stop", "No", and "Go".', "none", "none"),
    ("The answer is **No**.", "no", "clause"),
    ("Therefore, the answer is **Yes**.", "yes", "clause"),
    ("I would say **no**.", "no", "clause"),
    ('So the answer is "no".', "no", "clause"),
    ("The answer is “Yes”.", "yes", "clause"),
    ("My verdict: yes", "yes", "clause"),
    ("To conclude: no", "no", "clause"),
    ("<answer>Yes</answer>", "yes", "marker"),
    ("<answer>No</answer>", "no", "marker"),
    ("<p>No</p>", "none", "none"),
    ("No</output>", "no", "leading"),
    ("No<br>It does not.", "no", "leading"),
    ("No (95 %)", "no", "leading"),
    ("No (high confidence)", "no", "leading"),
    ("No (visible) text", "none", "none"),
    ("No : it does not", "no", "leading"),
    ("No<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nThe image", "no", "leading"),
    ("No<|im_end|><|im_start|>user foo", "no", "leading"),
    ('Here: {"explanation": "foo", "answer": "yes"}', "yes", "marker"),
    ('```json\n{"explanation": "no", "answer": "yes"}\n```\nThat is it.', "yes", "marker"),
    ("No (the image does not show it)", "no", "leading"),
    ("Yes: the text says no.", "yes", "leading"),
    ("Yes, if you look closely", "yes", "leading"),
    # failed
    (None, "failed", "failed"),
    ("None", "failed", "failed"),
    ("[LMMS_EVAL_REQUEST_FAILED after 5 retries] timeout", "failed", "failed"),
]

LATVIAN = [
    ("Jā", "yes", "leading"),
    ("Jā.", "yes", "leading"),
    (unicodedata.normalize("NFD", "Jā, papildina"), "yes", "leading"),
    (unicodedata.normalize("NFD", "Nē."), "no", "leading"),
    ("NĒ", "no", "leading"),
    ("Nē, attēls nepapildina teksta nozīmi.", "no", "leading"),
    ("Nē attēls nepapildina", "no", "leading"),
    ("Jā, no attēla var redzēt cenas.", "yes", "leading"),
    ("Jā, ne tikai papildina", "yes", "leading"),
    ("Ja", "yes", "leading"),
    ("ne.", "no", "leading"),
    ("No", "no", "leading"),
    ("Yes, papildina", "yes", "leading"),
    ("**Atbilde:** Nē; **Skaidrojums:** jā", "no", "marker"),
    ("Atbilde: Ne; Skaidrojums: jā", "no", "marker"),
    ("Atbilde: Jā", "yes", "marker"),
    ("Galīgā atbilde: nē", "no", "marker"),
    ("Es teiktu, ka nē.", "no", "clause"),
    ("Tātad, jā, papildina", "yes", "clause"),
    ("Atbilde ir jā.", "yes", "clause"),
    ("Ja attēls ir skaists, tad", "none", "none"),
    ("Ne, tas nav", "none", "none"),
    ("No attēla redzams, ka", "none", "none"),
    ("No, the image", "no", "leading"),
    ("Atbilde ir **Nē**.", "no", "clause"),
    ("1. Jā\n2. Nē", "none", "none"),
    ("1. Jā 2. Nē", "none", "none"),
    ("1. Yes 2. No", "none", "none"),
    ("Jā, ja attēls papildina; nē, ja nepapildina", "none", "none"),
    ("Teksts: Nē.", "none", "none"),
    ("Jā vai Nē", "none", "none"),
    ("Ja vai ne", "none", "none"),
    ("Atbildi “Jā” vai “Nē”.", "none", "none"),
    ("**Atbilde:** {Jā/Nē}; **Skaidrojums:** {Motivācija šādas atbildes izvēlei}", "none", "none"),
    ("Janvāris", "none", "none"),
    ("Nekas", "none", "none"),
]


@pytest.mark.parametrize(("response", "answer", "rule"), ENGLISH)
def test_english(response: str | None, answer: str, rule: str) -> None:
    reading = read_answer(response, "en")
    assert reading.answer.value == answer
    if answer != "none":  # where nothing was read, the rule only says if there was anything
        assert reading.rule.value == rule


@pytest.mark.parametrize(("response", "answer", "rule"), LATVIAN)
def test_latvian(response: str, answer: str, rule: str) -> None:
    reading = read_answer(response, "lv")
    assert (reading.answer.value, reading.rule.value) == (answer, rule)


@given(st.text(max_size=300), st.sampled_from(["en", "lv"]))
def test_any_text_is_read_without_error_and_the_same_twice(text: str, language: str) -> None:
    assert read_answer(text, language) == read_answer(text, language)


@given(st.sampled_from(["yes", "no"]), st.text("abcdfghjklmpqrtuvwxz ,.", max_size=80))
def test_a_leading_word_with_a_comma_decides_whatever_follows_without_the_other(
    word: str, rest: str
) -> None:
    # The letters of `rest` can form neither word, nor a marker.
    assert read_answer(f"{word}, it {rest}").answer.value == word


@given(st.text("abcdfghjklmpqrtuvwxz{}[]*:;,. \n", max_size=200))
def test_nothing_is_read_where_neither_word_stands(text: str) -> None:
    assert read_answer(f"q {text}").answer.value in ("none",)


@pytest.mark.parametrize(
    "unit",
    [
        "yes no ",
        "**",
        " ",
        "answer: ",
        "<think>",
        "no text. ",
        "(",
        "answer (",
        "\u0304",
        "\u0323\u0301",
        "{",
    ],
)
def test_a_hostile_megabyte_is_read(unit: str) -> None:
    assert read_answer((unit * (2**20 // len(unit) + 1))[: 2**20]).answer.value == "none"


def test_deep_json_is_not_followed() -> None:
    assert read_answer('{"answer":' * 100_000 + "1" + "}" * 100_000).answer.value == "none"


def test_an_unknown_language_is_refused_with_the_nearest() -> None:
    with pytest.raises(ScoreError, match=r"unknown language 'lvv'. Did you mean 'lv'"):
        read_answer("Yes", "lvv")


def test_the_parser_has_a_version_and_unknown_ones_are_refused() -> None:
    assert DEFAULT_PARSER.signature == "yes-no.2"
    assert get_parser("yes-no") is DEFAULT_PARSER
    with pytest.raises(ScoreError, match="unknown parser 'yes_no'"):
        get_parser("yes_no")
