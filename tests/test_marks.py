"""The marks of this year's models, in every parser that reads them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.answers import Asked, explain, get_parser, new_forms, read_answer
from itr_bench.answers.choice import LETTERS, options, order
from itr_bench.answers.marks import MARKS, WORDS, Kind, Marks
from itr_bench.answers.reasoning import drop_reasoning
from itr_bench.relation import Question, Relation
from tests.answers_of_2026 import ANSWERS, LATER

OPPOSITE = {"yes": "no", "no": "yes"}


def test_no_labelled_answer_is_read_as_its_opposite() -> None:
    read = [
        (label, read_answer(text, language).answer.value) for _, language, text, label in ANSWERS
    ]
    assert Counter(label == answer for label, answer in read) == {True: 199, False: 1}
    assert ("no", "none") in read  # "Q: ...? A: No"
    assert not [1 for label, answer in read if OPPOSITE.get(label) == answer]
    later = [(label, read_answer(text, language).answer.value) for language, label, text in LATER]
    # What is not read as labelled is read as none.
    assert Counter(answer for label, answer in later if label != answer) == {"none": 8}


# Reported on 2026-11-29, each in both languages.
REPORTED = [
    (
        "◁think▷It could be yes, the answer: yes at first sight.◁/think▷"
        "No, the image is decoration.",
        ("en", "no"),
    ),
    ("◁think▷Varētu būt jā, atbilde: jā.◁/think▷Nē, attēls ir dekorācija.", ("lv", "no")),
    (
        "◁think▷The photo shows a plate, the text says no lunch today.◁/think▷Yes",
        ("en", "yes"),
    ),
    ("◁think▷Attēlā ir šķīvis, tekstā teikts, ka nē, pusdienu nav.◁/think▷Jā", ("lv", "yes")),
    ("◁think▷There is soup. Answer: yes, but to be checked.◁/think▷No", ("en", "no")),
    ("◁think▷Attēlā ir zupa. Atbilde: jā, bet jāpārbauda.◁/think▷Nē", ("lv", "no")),
    (
        "<|channel|>analysis<|message|>Answer: yes at first. But the price is in the text.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>No<|return|>",
        ("en", "no"),
    ),
    (
        "<|channel|>analysis<|message|>Atbilde: jā. Bet cena ir tekstā.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Nē<|return|>",
        ("lv", "no"),
    ),
    ("analysisWe must answer Yes or No. It says no.assistantfinalYes", ("en", "yes")),
    ("analysisJāatbild Jā vai Nē. Tur teikts nē.assistantfinalJā", ("lv", "yes")),
    (
        "<|channel>thought\nFinal answer: yes? The caption is about rain.<channel|>No",
        ("en", "no"),
    ),
    ("<|channel>thought\nGalīgā atbilde: jā? Teksts ir par lietu.<channel|>Nē", ("lv", "no")),
    *((r"\boxed{Yes}", (lang, "yes")) for lang in ("en", "lv")),
    (r"\boxed{Jā}", ("lv", "yes")),
    (r"Answer: \boxed{Yes}", ("en", "yes")),
    (r"Atbilde: \boxed{Jā}", ("lv", "yes")),
    (r"The answer is \boxed{No}", ("en", "no")),
    (r"Atbilde ir \boxed{Nē}", ("lv", "no")),
    ("**Final Answer**\n\\boxed{No}", ("en", "no")),
    ("**Galīgā atbilde**\n\\boxed{Nē}", ("lv", "no")),
    *(('{"answer": true}', (lang, "yes")) for lang in ("en", "lv")),
    *(('{"answer": false}', (lang, "no")) for lang in ("en", "lv")),
    *(('{"atbilde": true}', (lang, "yes")) for lang in ("en", "lv")),
    *(('{"atbilde": false}', (lang, "no")) for lang in ("en", "lv")),
    ("<|begin_of_box|>Yes<|end_of_box|>", ("en", "yes")),
    ("<|begin_of_box|>Jā<|end_of_box|>", ("lv", "yes")),
    ('<|begin_of_box|>{"answer": "Yes"}<|end_of_box|>', ("en", "yes")),
    ('<|begin_of_box|>{"atbilde": "Jā"}<|end_of_box|>', ("lv", "yes")),
    *(("No, the image does not add to the meaning.", (lang, "no")) for lang in ("en", "lv")),
    *(("Yes, the image adds to the meaning.", (lang, "yes")) for lang in ("en", "lv")),
    ("Explanation: the plate is in the text. Answer: Yes", ("en", "yes")),
    ("Skaidrojums: šķīvis ir tekstā. Atbilde: Jā", ("lv", "yes")),
]


@pytest.mark.parametrize(("response", "expected"), REPORTED)
def test_what_was_reported(response: str, expected: tuple[str, str]) -> None:
    language, answer = expected
    assert read_answer(response, language).answer.value == answer


def test_the_table_names_families_and_where_their_marks_are_shown() -> None:
    families = {name for marks in (*MARKS, *WORDS) for name in marks.family.split(", ")}
    assert len(families - {"any", "in Latvian", "R1-like"}) >= 20
    openings = [marks.opening.lower() for marks in MARKS]
    assert len(set(openings)) == len(openings)
    for marks in (*MARKS, *WORDS):
        assert marks.source.startswith("https://")


# Words that every rule would read, in reasoning.
DOUBTS = ("Answer: {}", "{}, it does. Final answer: {}", r"So \boxed{{{}}}?", "{}")
LANGUAGES = {"en": ("Yes", "No"), "lv": ("Jā", "Nē")}


def cases(*kinds: Kind) -> list[tuple[Marks, str, str, str, str]]:
    return [
        (marks, language, said, doubted, answer)
        for marks in MARKS
        if marks.kind in kinds
        for language, words in LANGUAGES.items()
        for said, doubted, answer in ((*words, "yes"), (*reversed(words), "no"))
    ]


@pytest.mark.parametrize("case", cases(Kind.REASONING))
def test_reasoning_does_not_decide(case: tuple[Marks, str, str, str, str]) -> None:
    marks, language, said, doubted, answer = case
    for doubt in DOUBTS:
        thought = doubt.format(doubted, doubted)
        for opening, closing in (
            (marks.opening, marks.closing),
            *([(marks.opening.lower(), marks.closing.upper())] if marks.opening[0] == "<" else []),
        ):
            assert (
                read_answer(f"{opening}{thought}{closing}{said}", language).answer.value == answer
            )
            assert (
                read_answer(f"\n{opening}\n{thought}\n{closing}\n\n{said}.", language).answer.value
                == answer
            )
            assert read_answer(f"{opening}{thought}", language).rule.value == "empty"
            if marks.alone:
                assert read_answer(f"{thought}{closing}{said}", language).answer.value == answer


@pytest.mark.parametrize("case", cases(Kind.FINAL))
def test_the_final_channel_decides(case: tuple[Marks, str, str, str, str]) -> None:
    marks, language, said, doubted, answer = case
    final = f"{marks.opening}{said}{marks.closing}"
    for before in (
        "",
        "Answer: {}. ",
        "<think>{}</think>{}",
        "<think>Answer: {}",
        "<|channel|>analysis<|message|>{}",
    ):
        for after in ("", "<|return|>", "<|im_end|>", f"Answer: {doubted}"):
            assert (
                read_answer(
                    f"{before.format(doubted, doubted)}{final}{after}", language
                ).answer.value
                == answer
            )
    assert read_answer(f"{marks.opening}{said}", language).answer.value == answer


@pytest.mark.parametrize("case", cases(Kind.ANSWER))
def test_the_last_box_or_tag_decides(case: tuple[Marks, str, str, str, str]) -> None:
    marks, language, said, doubted, answer = case
    final = f"{marks.opening}{said}{marks.closing}"
    other = f"{marks.opening}{doubted}{marks.closing}"
    for text in (
        final,
        f"{marks.opening}\n{said}\n{marks.closing}",
        f"{marks.opening}{said}",
        f"{doubted}, it does. {final}",
        f"Answer: {doubted}. {final}",
        f"{other} On second thoughts: {final}",
        f"<answer>{doubted}</answer> {final}",
        f"<think>{final}{other}</think>{final}",
        f"{final}{marks.opening}{marks.closing}",
        f"Explanation: {doubted}, it does. {final}",
        f"{final}\n{'Explanation' if language == 'en' else 'Skaidrojums'}: {other}",
    ):
        assert read_answer(text, language).answer.value == answer, text


@pytest.mark.parametrize("case", cases(Kind.TURN))
def test_another_turn_does_not_decide(case: tuple[Marks, str, str, str, str]) -> None:
    marks, language, said, doubted, answer = case
    text = f"The image shows soup. {said}.{marks.opening}\nAnswer: {doubted}"
    assert read_answer(text, language).answer.value == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        # Special tokens removed.
        ("analysisNo.assistantcommentaryNo.assistantfinalYes", "yes"),
        ("analysisThe answer: yes.", "none"),
        ("assistantanalysisNo.assistantfinalYes", "yes"),
        ("finalNo", "no"),
        ("assistantfinalNo", "no"),
        ("commentaryYes.assistantfinalNo", "no"),
        ("analysis of the image: yes", "none"),
        ("Analysis: yes.\nAnswer: No", "no"),
        ("thinkThe answer: yes?thinkresponseNoresponsemessage", "no"),
        ("thinkThe answer: yes?thinkresponseNo", "no"),
        ("responseNoresponsemessage", "no"),
        ("thought\nAnswer: yes", "none"),
        ("to=selfAnswer: yes.to=userNo", "no"),
        ("Here is my thought process: Answer: yes. Here is my response: No", "no"),
        ("Here's my thought process: yes.\nHere's my response: No", "no"),
        ("Thought\nYes", "yes"),
        ("Here is my thought process: Answer: yes.", "none"),
        ("/think\nAnswer: yes.<|im_end|>\n<|im_start|>assistant\nNo", "no"),
        # Marks that no table names.
        ("<x:think>Answer: yes.</x:think>No", "no"),
        ("<my_thoughts>Answer: yes.</my_thoughts>No", "no"),
        ("<|start_of_reasoning|>Answer: yes.<|end_of_reasoning|>No", "no"),
        ("<|reasoning|>Answer: yes.<|/reasoning|>No", "no"),
        ("</|thinking|>No", "no"),
        ("Answer: yes.</scratchpad>No", "no"),
        ("<scratchpad>Answer: yes.", "none"),
        ("[ANALYSIS]Answer: yes.[/ANALYSIS]No", "no"),
        ("{thinking}Answer: yes.{/thinking}No", "no"),
        ("【思考:think】Answer: yes.【/思考:think】No", "no"),
        ("<unused12>thought\nAnswer: yes.<unused13>No", "no"),
        ("<unused94> thought\nAnswer: yes.<unused95>No", "no"),
        ("<unused12>No", "no"),
        # Prose is no mark.
        ("[thinking] Yes", "none"),
        ("Yes [THINK] hm", "none"),
        ("Yes, I [think] so", "yes"),
        ("Yes {reasonable}", "yes"),
        ("Yes <3", "yes"),
        ("Yes, I think > 2 things < 5", "yes"),
    ],
)
def test_words_and_shapes(response: str, answer: str) -> None:
    assert read_answer(response).answer.value == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"$\boxed{\text{Yes}}$", "yes"),
        (r"\[\boxed{\mathrm{No}}\]", "no"),
        (r"\boxed{\textbf{No, it does not}}", "no"),
        (r"\fbox{\text{Yes}.}", "yes"),
        (r"\boxed{\text{Yes} \text{or} \text{No}}", "none"),
        (r"\boxed{}", "none"),
        (r"Yes. The price is \boxed{3.50}.", "none"),
        ('{"answer": "No", "explanation": "Answer: yes"}', "no"),
        ('{"explanation": "Answer: yes", "answer": "No"}', "no"),
        ('{"reasoning": "yes", "final_answer": false}', "no"),
        ('{"answer": "Yes"} {"answer": "No"}', "no"),
        ('Draft: {"answer": "Yes"}\n```json\n{"answer": "No"}\n```', "no"),
        ('{"image_adds": true}', "yes"),
        ('{"verdict": "no", "confidence": 0.9}', "no"),
        ('{"answer": {"value": "No", "reason": "yes"}}', "no"),
        ('{"answer": "Yes/No"}', "none"),
        ('{"answer": 1}', "none"),
        ('{"x": true, "y": false}', "none"),
        ("{'answer': 'No', 'explanation': 'yes'}", "no"),
        ('{"answer": "No", "explanation": "cut off, ye', "no"),
        ('{"answer": "false"}', "no"),
        ("```text\nNo\n```", "no"),
        ('```json\n"Yes"\n```', "yes"),
        ("Let me see. It is so. <verdict>No</verdict>", "no"),
        ("No</answer>", "no"),
        ("<answer> <b>No</b> </answer>", "no"),
        ("Conclusion: No", "no"),
        ("No, it does not. Conclusion: the image is a decoration.", "no"),
        ("Yes, it adds. Conclusion: the answer is yes", "yes"),
        ("Answer: “Yes, it adds” because of the price", "yes"),
        ("Yes, it seems. **Conclusion:** No", "no"),
        ("### Reasoning\nYes, it is.\n### Answer\nNo", "no"),
        ("### Reasoning\nYes, it is.\n**Verdict**\nNo", "no"),
        ("**Final Answer:**\n**Answer:** No; **EXPLANATION:** yes", "no"),
        ("Answer: Yes. Final answer:", "yes"),
        ("Explanation: the answer: no, says the sign. Answer: Yes", "yes"),
        ("Yes. Explanation: the sign says: Answer: No", "yes"),
        ("Answer: Yes or No? Explanation: Answer: No", "none"),
        # What is quoted.
        ('The sign says "Answer: Yes". Answer: No', "no"),
        ("The sign says 'Final answer: yes' and I say: Answer: No", "no"),
        ("The tweet “Conclusion: no soup” is a joke. Answer: Yes", "yes"),
        ('"Answer: No"', "no"),
        ("'**Answer:** NO; **EXPLANATION:** it's not'", "no"),
        ('"Yes, we can" is the text.', "none"),
        ('"Yes, it adds."', "yes"),
        ('"Yes," I would say', "yes"),
        ('"Yes, it adds" is the correct answer.', "yes"),
        ('I\'d say "no", for it is generic.', "no"),
        ("I would answer 'yes' since the picture says more.", "yes"),
        ('The text "Is it soup? Yes." is on soup. No.', "no"),
        ('The 5" plate is shown. Answer: No. It is a 5" plate', "no"),
    ],
)
def test_boxes_json_and_quotations(response: str, answer: str) -> None:
    assert read_answer(response).answer.value == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("No.", "no"),
        ("No the image does not add", "no"),
        ("Answer: No, it shows a dog.", "no"),
        ("The answer is no.", "no"),
        ("Yes. No.", "none"),
        ("Yes No", "none"),
        ("No attēla redzams, ka ir zupa", "none"),
        ("Jā, no teksta var saprast.", "yes"),
        ("Tas izriet, ka no", "none"),
        ("No 5. maija", "none"),
    ],
)
def test_an_english_no_under_a_latvian_instruction(response: str, answer: str) -> None:
    assert read_answer(response, "lv").answer.value == answer


TWEET = "1000000000000000001"


@pytest.mark.parametrize(
    "response",
    [
        "<think>No, No</think>Yes, No",
        "◁think▷1. No 2. No◁/think▷1. Yes 2. No",
        "<answer>Yes, No</answer>",
        "Is it 1. or 2. or 3.?\n<answer>1. Yes 2. No</answer>",
        r"\boxed{\text{Yes, No}}",
        r"1. \boxed{Yes} 2. \boxed{No}",
        "<|begin_of_box|>Yes\nNo<|end_of_box|>",
        '{"adds": true, "represented": false}',
        '{"explanation": "no, no", "1": "Yes", "2": "No"}',
        '{"answers": ["Yes", "No"]}',
        '{"adds": {"answer": "Yes", "reason": "no"}, "represented": {"answer": "No"}}',
        "**Explanation:** no, no.\n**Answer:** Yes, No",
        "<|channel|>analysis<|message|>No, No<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Yes, No",
    ],
)
def test_both(response: str) -> None:
    read = [
        get_parser("both").read(response, "en", Asked(TWEET, question)).answer.value
        for question in Question
    ]
    assert read == ["yes", "no"]


@pytest.mark.parametrize(
    "form",
    [
        "<think>The answer is {0}.</think>{1}",
        "◁think▷Answer: {0}◁/think▷({1})",
        "analysisAnswer: {0}.assistantfinal{1}",
        "<answer>{0}</answer> or rather <answer>{1}</answer>",
        r"\boxed{{{0}}}, no: \boxed{{\text{{{1}}}}}",
        '{{"explanation": "{0} is close", "answer": "{1}"}}',
        "Answer: {0}. Conclusion: {1}",
        "Answer: {0}. **Final response:** {1}",
        'The sign says "Answer: {0}!" so: Answer: {1}',
        "Explanation: it is new. Answer: {1}",
        "<|begin_of_box|>{1}<|end_of_box|>",
    ],
)
def test_choice(form: str) -> None:
    wrong, right = order(TWEET)[:2]
    response = form.format(LETTERS[0], LETTERS[1])
    for question in Question:
        read = get_parser("choice").read(response, "en", Asked(TWEET, question)).answer
        assert read is right.answer(question)
    assert isinstance(wrong, Relation)
    assert options(TWEET)[1].startswith(f"{LETTERS[1]})")


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("◁think▷No, it adds.◁/think▷Yes", "no"),
        (r"\boxed{Yes}", "no"),
        ('{"answer": true}', "no"),
        ("<think>yes</think><answer>No</answer>", "yes"),
        ("analysisYes.assistantfinalNo, the image adds to the text meaning.", "yes"),
    ],
)
def test_negated(response: str, answer: str) -> None:
    read = get_parser("negated").read(response, "en", Asked(TWEET, Question.ADDS))
    assert read.answer.value == answer


@given(st.text("abyesno .:\"'{}[]answer", max_size=60), st.sampled_from(MARKS))
def test_what_is_thought_changes_nothing(thought: str, marks: Marks) -> None:
    if marks.kind is Kind.REASONING:
        assert drop_reasoning(f"{marks.opening}{thought}{marks.closing}No") == "No"


@given(st.text(st.sampled_from("abc <>[]{}|/think◁▷"), max_size=80))
def test_what_is_dropped_leaves_the_rest_as_it_stands(text: str) -> None:
    left = iter(text)
    assert all(sign in left for sign in drop_reasoning(text))


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "<|channel|>",
            "[think]",
            "[/think]",
            "<unused1>thought",
            "◁think▷",
            "<|end|>",
            "</think",
        ),
        *("\\boxed{", "\\text{", "}{", "<answer>", '{"answer": 1}', '{"x":', "conclusion: "),
        *('answer: "', "“", "explanation: answer: ", "\n#answer\n", "<|im_start|>user"),
    ],
)
@pytest.mark.parametrize("parser", ["yes-no", "both", "choice", "negated"])
def test_hostile_marks_are_read(parser: str, unit: str) -> None:
    text = unit * (2**17 // len(unit))
    asked = Asked(TWEET, Question.ADDS)
    assert get_parser(parser).read(text, "en", asked).answer.value == "none"


# What is said of a run


@pytest.mark.parametrize(
    ("responses", "said"),
    [
        (["Yes"] * 100, []),
        (["<think>a</think>Yes", "\\boxed{No}", "<|im_start|>assistant\nYes<|im_end|>"] * 10, []),
        (["Yes<br>It <b>does</b>.<br>", "No, <code>x</code>"] * 10, []),
        (["Yes"] * 9 + ["<x:think>no</x:think>Yes"], ["<x:think>…</x:think>"]),
        (["Yes"] * 9 + ["<plan>no</plan>Yes"] * 2, ["2 of 11 .* by name, <plan>…</plan>"]),
        (["<|begin_of_plan|>no<|end_of_plan|>Yes"], ["<.begin_of_plan.>…<.end_of_plan.>"]),
        (["[REFLECT]no[/REFLECT]Yes"], [r"\[/reflect\]…\[reflect\]"]),
        (["Yes"] * 97 + ["I cannot say that."] * 3, ["3 of 100 .* alike, 'i cannot say'"]),
        (["Yes"] * 98 + ["I cannot say that."] * 2, []),
        (["Yes"] * 300 + ["I cannot say that."] * 3, []),
        ([None, "", "<think>cut off"] * 10, ["10 of 30 .* alike, '<think>cut off'"]),
    ],
)
def test_new_forms(responses: list[str | None], said: list[str]) -> None:
    found = new_forms((text, read_answer(text).answer) for text in responses)
    assert len(found) == len(said), found
    for sentence, expected in zip(found, said, strict=True):
        assert re.search(expected, sentence), sentence


@given(st.text('yesno .<>[]{}think/answer:"', max_size=80))
def test_an_explanation_says_what_is_read(text: str) -> None:
    found = explain(text, "en")
    assert found.reading == read_answer(text)
    left = "".join(
        text[a:b]
        for a, b in zip(
            [0, *(end for _, end in found.dropped)],
            [*(start for start, _ in found.dropped), len(text)],
            strict=True,
        )
    )
    assert left == drop_reasoning(text)
    if found.decided is not None:
        assert text[slice(*found.decided)].lower() == found.words
