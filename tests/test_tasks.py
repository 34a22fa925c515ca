"""The task definitions: names, prompts to the letter, and settings."""

from __future__ import annotations

from typing import Any

import pytest

from itr_bench.data.languages import LANGUAGES
from itr_bench.lmms import hooks
from itr_bench.relation import Question
from itr_bench.tasks import documents, task_files
from itr_bench.tasks.spec import EXPLAINED, GROUPS, LIKELIHOOD, TASKS, get_task
from tests.conftest import needs

pytestmark = needs("torch", "lmms_eval")


# Rikters & Marrese-Taylor 2025 (arXiv:2505.05040): the strings of the experiment.
PLAIN = "Reply “Yes” or “No”."
EXPLAIN = (
    "Format the answer in the pattern of '**Answer:** {YES/NO}; "
    "**EXPLANATION:** {Motivation for the choosing the answer}'"
)
PLAIN_LV = "Atbildi “Jā” vai “Nē”."
EXPLAIN_LV = (
    "Noformē atbildi pēc šablona '**Atbilde:** {Jā/Nē}; "
    "**Skaidrojums:** {Motivācija šādas atbildes izvēlei}'"
)
ADDS, REPR = "Is the image adding to the text meaning?", "Is the text represented in the image?"
ADDS_LV, REPR_LV = (
    "Vai šis attēls papildina teksta nozīmi?",
    "Vai šis teksts tiek pārstāvēts attēlā?",
)
LEAD = "Given the following text, extracted from a tweet in {}: \n"
LEAD_LV = "Ņemot vērā šādu tekstu, kas izgūts no tvīta latviešu valodā: \n"

TEXT = 'Kūka "{{ x }}" https://t.co/abc un  http://t.co/d! {Jā}'
SHOWN = 'Kūka "{{ x }}"  un   {Jā}\n'  # the link takes the "!" with it, and nothing else goes

LV, EN = LEAD.format("Latvian"), LEAD.format("English")
PROMPTS = [
    ("ltec_itr_lv", "adds", "plain", f"{LV}{SHOWN}{ADDS} {PLAIN}\n"),
    ("ltec_itr_lv", "represented", "plain", f"{LV}{SHOWN}{REPR} {PLAIN}\n"),
    ("ltec_itr_lv", "adds", "explained", f"{LV}{SHOWN}{ADDS} {EXPLAIN}\n"),
    ("ltec_itr_lv", "represented", "explained", f"{LV}{SHOWN}{REPR} {EXPLAIN}\n"),
    ("ltec_itr_full_lv", "adds", "plain", f"{LV}{SHOWN}{ADDS} {PLAIN}\n"),
    ("ltec_itr_full_en", "adds", "plain", f"{EN}{SHOWN}{ADDS} {PLAIN}\n"),
    ("ltec_itr_en_manual", "adds", "plain", f"{EN}{SHOWN}{ADDS} {PLAIN}\n"),
    ("ltec_itr_en_manual", "represented", "explained", f"{EN}{SHOWN}{REPR} {EXPLAIN}\n"),
    ("ltec_itr_en_mt", "represented", "plain", f"{EN}{SHOWN}{REPR} {PLAIN}\n"),
    ("ltec_itr_fr_mt", "adds", "plain", f"{LEAD.format('French')}{SHOWN}{ADDS} {PLAIN}\n"),
    ("ltec_itr_es_mt", "adds", "explained", f"{LEAD.format('Spanish')}{SHOWN}{ADDS} {EXPLAIN}\n"),
    ("tirt", "adds", "plain", f"{EN}{SHOWN} {ADDS} {PLAIN}"),
    ("tirt", "represented", "explained", f"{EN}{SHOWN} {REPR} {EXPLAIN}"),
    ("ltec_itr_lv_instruct_lv", "adds", "plain", f"{LEAD_LV}{SHOWN}{ADDS_LV} {PLAIN_LV}\n"),
    ("ltec_itr_lv_instruct_lv", "represented", "plain", f"{LEAD_LV}{SHOWN}{REPR_LV} {PLAIN_LV}\n"),
    ("ltec_itr_lv_instruct_lv", "adds", "explained", f"{LEAD_LV}{SHOWN}{ADDS_LV} {EXPLAIN_LV}"),
    ("itr_demo_en", "adds", "plain", f"{EN}{SHOWN}{ADDS} {PLAIN}\n"),
    ("itr_demo_lv", "represented", "plain", f"{LV}{SHOWN}{REPR} {PLAIN}\n"),
    ("itr_drawn_en", "represented", "plain", f"{EN}{SHOWN}{REPR} {PLAIN}\n"),
    ("itr_drawn_lv", "adds", "plain", f"{LV}{SHOWN}{ADDS} {PLAIN}\n"),
]


def definition(name: str) -> dict[str, Any]:
    from lmms_eval.utils import load_yaml_config

    found: dict[str, Any] = load_yaml_config(str(task_files.task_files()[name]))
    return found


def wording(name: str, model: str) -> dict[str, Any]:
    """What lmms-eval hands to the hooks: the model's own entry, or the default's."""
    kwargs = definition(name)["lmms_eval_specific_kwargs"]
    return {**kwargs.get(model, kwargs["default"])}


@pytest.mark.parametrize(
    ("task", "question", "prompt"),
    [(task, question, prompt) for task, question, kind, prompt in PROMPTS if kind == "plain"],
)
def test_likelihoods_follow_the_plain_prompt(task: str, question: str, prompt: str) -> None:
    document = {
        "text": documents.without_links(TEXT),
        "language": LANGUAGES[TASKS[task].language].name,
        "question": question,
    }
    variant = definition(task + LIKELIHOOD)
    kwargs = wording(task + LIKELIHOOD, "itr_vlm")
    assert variant["doc_to_text"](document, kwargs) == prompt


@pytest.mark.parametrize(("task", "question", "answer_format", "prompt"), PROMPTS)
def test_prompts_to_the_letter(task: str, question: str, answer_format: str, prompt: str) -> None:
    document = {
        "text": documents.without_links(TEXT),
        "language": LANGUAGES[TASKS[task].language].name,
        "question": question,
    }
    if answer_format == "plain":
        assert hooks.prompt(document, wording(task, "qwen2_vl")) == prompt
    else:
        assert hooks.prompt(document, wording(task, "llama_vision")) == prompt
        variant = definition(task + EXPLAINED)
        kwargs = variant["lmms_eval_specific_kwargs"]["default"]
        assert variant["doc_to_text"](document, kwargs) == prompt


def test_links_are_removed_and_nothing_else() -> None:
    assert documents.without_links("a https://t.co/x http://y b httpss://z") == "a   b httpss://z"
    assert documents.without_links("see https://t.co/a,b\nnext") == "see \nnext"


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_and_its_explained_variant_is_defined(task: str) -> None:
    for name in (task, task + EXPLAINED):
        found = definition(name)
        assert found["task"] == name
        assert found["dataset_name"] == task
        assert found["dataset_kwargs"]["data_files"]["test"].endswith("/_placeholder.json")
        assert found["generation_kwargs"] == {
            "max_new_tokens": 512,
            "temperature": 0.2,
            "do_sample": True,
            "until": [],
        }
        assert set(found["lmms_eval_specific_kwargs"]["default"]["questions"]) == {
            question.value for question in Question
        }
    # Latvian prompts are read as Latvian.
    assert (TASKS[task].answer_language == "lv") == ("instruct_lv" in task)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_has_its_likelihood_variant(task: str) -> None:
    found, base = definition(task + LIKELIHOOD), definition(task)
    assert found["task"] == task + LIKELIHOOD
    assert found["dataset_name"] == task
    assert found["generation_kwargs"] == {"scoring": "likelihood", "until": []}
    assert found["process_results"] is hooks.read_likelihoods
    # No adapter's own settings stand in the place of the scoring.
    assert not any(found["model_specific_generation_kwargs"].values())
    ours = {"task", "metric_list", "generation_kwargs", "process_results"}
    changed = {key for key in base if found.get(key) != base[key]}
    assert changed <= {*ours, "model_specific_generation_kwargs", "lmms_eval_specific_kwargs"}
    metrics = [metric["metric"] for metric in found["metric_list"]]
    assert set(metrics) == set(hooks._LIKELIHOOD_METRICS)
    assert {"adds_auc", "represented_auc"} <= set(metrics)
    assert get_task(task + LIKELIHOOD).base == task
    assert get_task(task + LIKELIHOOD).parser == "likelihood"
    assert get_task(task).parser == get_task(task + EXPLAINED).parser == "yes-no"


def test_the_files_say_no_more_than_a_name_and_what_they_include() -> None:
    for path in task_files.task_files().values():
        if path.stem not in GROUPS:
            assert len(path.read_text().splitlines()) <= 3, path


def test_english_is_worded_once() -> None:
    # The file for TIRT differs from the English one in the two places that the paper differs in.
    folder, _ = task_files.task_folders()
    english = (folder / "_itr_prompt_en").read_text().splitlines()[1:]
    tirt = (folder / "_itr_prompt_tirt").read_text().splitlines()[1:]
    changed = [(a, b) for a, b in zip(english, tirt, strict=True) if a != b]
    assert [
        a.replace(r"\n{{ question", r"\n {{ question").replace(r'\n"', '"') for a, _ in changed
    ] == [b for _, b in changed]


def test_lmms_eval_finds_tasks_and_groups() -> None:
    import lmms_eval.models  # noqa: F401  the entry point is loaded here
    from lmms_eval.tasks import TaskManager

    manager = TaskManager("ERROR")
    names = {task + variant for task in TASKS for variant in ("", EXPLAINED, LIKELIHOOD)}
    assert names <= set(manager.all_subtasks)
    assert GROUPS.keys() <= set(manager.all_groups)


def test_text_before_image_where_the_paper_had_it_so() -> None:
    from itr_bench.data.loading import open_set

    document = documents.documents(get_task("itr_demo_lv"))[0]
    for model, order in (("llava_hf", ["text", "image"]), ("qwen2_5_vl", ["image", "text"])):
        (turn,) = hooks.messages(document, wording("itr_demo_lv", model))
        assert [part["type"] for part in turn["content"]] == order
    image = hooks.visual(document)[0]
    assert (image.mode, image.size) == ("RGB", open_set("demo").image(0).size)


def test_each_tweet_becomes_two_neighbouring_documents() -> None:
    docs = documents.documents(get_task("itr_demo_en"))
    assert len(docs) == 48
    for first, second in zip(docs["tweet_id"][::2], docs["tweet_id"][1::2], strict=True):
        assert first == second
    assert docs["question"][:4] == ["adds", "represented"] * 2
    targets = {
        (r, q): t
        for r, q, t in zip(docs["relation"], docs["question"], docs["target"], strict=True)
    }
    assert targets == {
        (0, "adds"): "yes", (0, "represented"): "yes",
        (1, "adds"): "yes", (1, "represented"): "no",
        (2, "adds"): "no", (2, "represented"): "yes",
        (3, "adds"): "no", (3, "represented"): "no",
    }  # fmt: skip
    assert len(set(docs["item_hash"])) == 48
    assert "http" not in "".join(docs["text"])
