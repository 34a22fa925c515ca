"""P(yes) and P(no): read off the model, written, read back, and scored."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from itr_bench.answers import get_parser
from itr_bench.answers.likelihood import Likelihood, parse_likelihood, read_likelihood
from itr_bench.answers.parser import Rule
from itr_bench.models.tiny import ARCHITECTURES, make_checkpoint
from itr_bench.relation import Answer, Question, Relation
from itr_bench.scoring.likelihood import JudgedLikelihood, LikelihoodScore, likelihood_scores
from tests.conftest import needs

pytestmark = needs("torch", "lmms_eval")


@pytest.fixture(scope="module", autouse=True)
def heavy_imports() -> None:
    """Made for the first test of this file: all tests are collected in half the time."""
    global torch, plain, stems, Engine, Job, Forms, surface_forms, Vlm, load, roc_auc_score
    import torch
    from sklearn.metrics import roc_auc_score

    from itr_bench.engine import plain, stems
    from itr_bench.engine.engine import Engine, Job
    from itr_bench.engine.likelihood import Forms, surface_forms
    from itr_bench.engine.loading import Vlm, load


ADDS, REPRESENTED = "Does the image add to the meaning?", "Is the text in the image?"

# Responses


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('{"p_yes": 0.25, "p_no": 0.5}', (0.25, 0.5)),
        ('{"p_no": 0, "p_yes": 1, "more": "x"}', (1, 0)),
        ('{"p_yes": 0, "p_no": 0}', (0, 0)),
        ('{"p_yes": 0.5004, "p_no": 0.5004}', (0.5004, 0.5004)),  # rounding
        ('{"p_yes": 1e-300, "p_no": 5e-324}', (1e-300, 5e-324)),
        ('{"p_yes": 0.6, "p_no": 0.5}', None),
        ('{"p_yes": -0.1, "p_no": 0.5}', None),
        ('{"p_yes": 1.1, "p_no": 0}', None),
        ('{"p_yes": NaN, "p_no": 0.5}', None),
        ('{"p_yes": 0.5, "p_no": Infinity}', None),
        ('{"p_yes": 0.5, "p_no": -Infinity}', None),
        ('{"p_yes": 0.5}', None),
        ('{"p_yes": null, "p_no": 0.5}', None),
        ('{"p_yes": [0.1], "p_no": 0.5}', None),
        ('{"p_yes": "much", "p_no": 0.5}', None),
        ('{"p_yes": 0.5, "p_no": 0.5', None),
        ('[{"p_yes": 0.5, "p_no": 0.5}]', None),
        ('"p_yes p_no"', None),
        ("0.5", None),
        ("null", None),
        ("[" * 100_000, None),
        (f'{{"p_yes": 1{"0" * 400}, "p_no": 0.5}}', None),
        ("Yes", None),
        ("", None),
        (None, None),
    ],
)
def test_only_what_states_a_likelihood_is_one(
    response: str | None, expected: tuple[float, float] | None
) -> None:
    found = parse_likelihood(response)
    assert found == (None if expected is None else Likelihood(*expected))


@settings(max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_likelihood_survives_its_response(yes: float, share: float) -> None:
    written = Likelihood(yes, (1 - yes) * share)
    assert parse_likelihood(written.response()) == written


@pytest.mark.parametrize(
    ("response", "answer", "rule"),
    [
        ('{"p_yes": 0.3, "p_no": 0.1}', Answer.YES, Rule.LIKELIER),
        ('{"p_yes": 1e-9, "p_no": 2e-9}', Answer.NO, Rule.LIKELIER),
        ('{"p_yes": 0.3, "p_no": 0.3}', Answer.NONE, Rule.NONE),
        ('{"p_yes": 0, "p_no": 0}', Answer.NONE, Rule.NONE),
        ('{"p_yes": 0.9, "p_no": 0.9}', Answer.NONE, Rule.NONE),
        ("Yes", Answer.NONE, Rule.NONE),  # a sentence is no likelihood
        ("", Answer.NONE, Rule.NONE),
        (None, Answer.FAILED, Rule.FAILED),
        ("[LMMS_EVAL_REQUEST_FAILED after 3 attempts] 500", Answer.FAILED, Rule.FAILED),
    ],
)
def test_the_likelier_answer_is_read(response: str | None, answer: Answer, rule: Rule) -> None:
    for language in ("en", "lv"):
        found = read_likelihood(response, language)
        assert (found.answer, found.rule) == (answer, rule)
        assert get_parser("likelihood").read(response, language) == found


def test_confidence_is_the_share_of_yes() -> None:
    assert Likelihood(0.3, 0.1).confidence == pytest.approx(0.75)
    assert Likelihood(0, 0).confidence is None


# Scores


def judged(rows: Sequence[tuple[int, float, float]]) -> list[JudgedLikelihood]:
    """Rows of relation, P(yes) and P(no), of one question."""
    return [
        JudgedLikelihood(str(n), Question.ADDS, relation, yes, no)
        for n, (relation, yes, no) in enumerate(rows)
    ]


def figures(rows: Sequence[tuple[int, float, float]]) -> LikelihoodScore:
    return likelihood_scores(judged(rows))[Question.ADDS]


def test_a_case_worked_out_by_hand() -> None:
    # Shares of yes: 0.75 and 0.7 (yes), 0.75 (no), 0.05 (no), 1 (yes), 0.5 where nothing is
    # possible (no). Relations 0 and 1 are yes to "adds", 2 and 3 no.
    found = figures(
        [
            (0, 0.375, 0.125),
            (1, 0.35, 0.15),
            (2, 0.75, 0.25),
            (3, 0.01, 0.19),
            (0, 0.2, 0),
            (3, 0, 0),
        ]
    )
    # Pairs yes, no: 0.75 ties once and wins twice; 0.7 wins twice of three; 1 wins all three.
    assert found.auc == pytest.approx((2.5 + 2 + 3) / 9)
    # Bins [0, 0.1): 0.05, none yes; [0.5, 0.6): 0.5, none yes; [0.7, 0.8): 0.75, 0.7 and 0.75, two
    # of them yes; [0.9, 1]: 1, yes. Gaps: 0.05, 0.5, 0.2, 0.
    assert found.calibration_error == pytest.approx((0.05 + 0.5 + 0.2 + 0) / 6)
    assert found.mass == pytest.approx((0.5 + 0.5 + 1 + 0.2 + 0.2 + 0) / 6)
    assert found.as_dict() == {
        "auc": found.auc,
        "calibration_error": found.calibration_error,
        "mass": found.mass,
    }


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30
    )
)
def test_scikit_learn_finds_the_same_area(rows: list[tuple[int, int, int]]) -> None:
    found = figures([(relation, yes / 16, no / 16) for relation, yes, no in rows])
    gold = [Relation(r).answer(Question.ADDS) is Answer.YES for r, *_ in rows]
    shares = [yes / (yes + no) if yes + no else 0.5 for _, yes, no in rows]
    if len(set(gold)) == 1:
        assert found.auc is None
    else:
        assert found.auc == pytest.approx(roc_auc_score(gold, shares), abs=1e-12)
    assert 0 <= found.calibration_error <= 1


@pytest.mark.parametrize(
    ("rows", "auc", "error"),
    [
        ([(0, 1, 0), (2, 0, 1)], 1, 0),
        ([(0, 0, 1), (2, 1, 0)], 0, 1),
        ([(0, 0.1, 0.1), (2, 0.4, 0.4)], 0.5, 0),  # always one half, half of them yes
        ([(0, 0.2, 0.3)], None, 0.6),
        ([(3, 0.2, 0.3)], None, 0.4),
    ],
)
def test_corner_cases(
    rows: list[tuple[int, float, float]], auc: float | None, error: float
) -> None:
    found = figures(rows)
    assert found.auc == auc
    assert found.calibration_error == pytest.approx(error)


def test_each_question_is_scored_by_its_own_answers() -> None:
    assert likelihood_scores([]) == {}
    # Relation 1: adds yes, represented no.
    both = [
        JudgedLikelihood("a", Question.ADDS, 1, 0.9, 0.1),
        JudgedLikelihood("a", Question.REPRESENTED, 1, 0.9, 0.1),
    ]
    found = likelihood_scores(both)
    assert found[Question.ADDS].calibration_error == pytest.approx(0.1)
    assert found[Question.REPRESENTED].calibration_error == pytest.approx(0.9)
    assert list(likelihood_scores(both[1:])) == [Question.REPRESENTED]


# Surface forms


class Tokenizer:
    """Takes the longest token that fits; unknown letters become ``<unk>``, if there is one."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.unk_token_id = self.tokens.index("<unk>") if "<unk>" in tokens else None

    def __len__(self) -> int:
        return len(self.tokens)

    def batch_decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        return ["".join(self.tokens[token] for token in row) for row in ids]

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        found = []
        while text:
            fitting = [token for token in self.tokens if text.startswith(token)]
            if fitting:
                longest = max(fitting, key=len)
                found.append(self.tokens.index(longest))
                text = text.removeprefix(longest)
            else:
                found += [] if self.unk_token_id is None else [self.unk_token_id]
                text = text[1:]
        return found


ALL_YES = ("Yes", "yes", "YES", "Jā", "jā", "JĀ")
ALL_NO = ("No", "no", "NO", "Nē", "nē", "NĒ")
LETTERS = tuple("YESyesNOnoJĀjāĒē ")


def spelled(tokenizer: Tokenizer, forms: Sequence[Sequence[int]]) -> set[str]:
    return {"|".join(tokenizer.tokens[token] for token in form) for form in forms}


@pytest.mark.parametrize(
    ("tokens", "yes", "no"),
    [
        (  # whole words, with and without the space
            tuple(f"{s}{w}" for s in ("", " ") for w in (*ALL_YES, *ALL_NO)),
            {f"{s}{w}" for s in ("", " ") for w in ALL_YES},
            {f"{s}{w}" for s in ("", " ") for w in ALL_NO},
        ),
        (  # letters: every word is several tokens
            LETTERS,
            {f"{s}{w}" for s in ("", " |") for w in ("Y|e|s", "y|e|s", "Y|E|S")}
            | {f"{s}{w}" for s in ("", " |") for w in ("J|ā", "j|ā", "J|Ā")},
            {f"{s}{w}" for s in ("", " |") for w in ("N|o", "n|o", "N|O")}
            | {f"{s}{w}" for s in ("", " |") for w in ("N|ē", "n|ē", "N|Ē")},
        ),
        (  # tokens with more spaces count too; what reads like a word, and is longer, does not
            ("Yes", "  Yes", "Yes ", "Yesterday", "No", "Nothing", "no.", "\nNo", "<s>"),
            {"Yes", "  Yes", "Yes "},
            {"No"},
        ),
        (  # unknown words are neither yes nor no
            ("<unk>", "Yes", "No"),
            {"Yes"},
            {"No"},
        ),
        (("<unk>", "a"), set(), set()),
    ],
)
def test_surface_forms(tokens: tuple[str, ...], yes: set[str], no: set[str]) -> None:
    tokenizer = Tokenizer(*tokens)
    found = surface_forms(tokenizer)
    assert spelled(tokenizer, found.yes) == yes
    assert spelled(tokenizer, found.no) == no


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [s + w[:n] for w in ("Yes", "Jā", "No", "Nē") for n in (2, 3) for s in ("", " ")]
        ),
        unique=True,
    )
)
def test_no_form_is_the_beginning_of_another(more: list[str]) -> None:
    tokenizer = Tokenizer(*LETTERS, *more)
    found = surface_forms(tokenizer)
    every = [*found.yes, *found.no]
    assert len(set(every)) == len(every)
    for a in every:
        assert not [b for b in every if b != a and b[: len(a)] == a]
    texts = {tokenizer.batch_decode([form])[0].strip() for form in found.yes}
    assert texts == set(ALL_YES)


# Read off the model


@pytest.fixture(scope="module", params=ARCHITECTURES)
def vlm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vlm:
    folder = make_checkpoint(request.param, tmp_path_factory.mktemp("tiny"), seed=2)
    return load(str(folder), device="cpu")


def job(number: int = 0, texts: Sequence[str] = (ADDS, REPRESENTED), *, last: bool = False) -> Job:
    size = ((96, 60), (60, 300), (300, 60), (13, 17))[number]
    ramp = bytes(
        (3 * x * (number + 1) + 5 * y) % 256 for y in range(size[1]) for x in range(size[0])
    )
    parts = [[{"type": "image"}, {"type": "text", "text": text}] for text in texts]
    chats = tuple([{"role": "user", "content": part[::-1] if last else part}] for part in parts)
    return Job((Image.frombytes("L", size, ramp).convert("RGB"),), chats, ((),) * len(texts))


def brute_force(vlm: Vlm, of: Job, forms: Forms) -> list[tuple[float, float]]:
    """Each form read after the whole prompt, in a forward pass of its own, nothing shared."""
    found = []
    for chat in of.chats:
        ready = plain.inputs(vlm.model, vlm.processor, of.images, chat)
        logs = {form: _log_probability(vlm.model, ready, form) for form in (*forms.yes, *forms.no)}
        yes, no = (math.fsum(math.exp(logs[f]) for f in kind) for kind in (forms.yes, forms.no))
        found.append((yes, no))
    return found


def _log_probability(model: Any, ready: dict[str, Any], form: Sequence[int]) -> float:
    ids = torch.cat([ready["input_ids"], torch.tensor([form])], dim=1)
    given = {**ready, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
    for name in ("mm_token_type_ids", "cross_attention_mask"):
        if name in given:
            kept = given[name]
            new = kept[:, -1:].expand(-1, len(form), *kept.shape[2:])
            given[name] = torch.cat([kept, new], dim=1)
    with torch.inference_mode():
        logs = model(**given).logits[0].double().log_softmax(dim=-1)
    start = ids.shape[1] - len(form) - 1
    return sum(float(logs[start + n, token]) for n, token in enumerate(form))


@pytest.mark.parametrize("last", [False, True])
def test_likelihoods_are_those_of_every_form_by_itself(vlm: Vlm, last: bool) -> None:
    made = Engine(vlm)
    forms = surface_forms(vlm.processor.tokenizer)
    assert {len(form) for form in (*forms.yes, *forms.no)} >= {1, 2, 3}
    jobs = [
        job(n, texts=(f"{ADDS} {n}", "Cake? " * (4 * n) + REPRESENTED), last=last) for n in (1, 3)
    ]
    found = [made.likelihoods(of) for of in jobs]
    assert made.likelihoods(jobs[0]) == found[0]  # whatever was asked in between
    for of, likelihoods in zip(jobs, found, strict=True):
        for pair, expected in zip(likelihoods, brute_force(vlm, of, forms), strict=True):
            assert pair == pytest.approx(expected, rel=1e-4, abs=1e-7)
            assert sum(pair) <= 1 + 1e-6
            assert Likelihood(*pair) == parse_likelihood(Likelihood(*pair).response())
    assert len({pair for likelihoods in found for pair in likelihoods}) == 4


def test_forms_of_several_tokens_count(vlm: Vlm) -> None:
    """The likeliest continuation of the model's own, taken for a yes of three tokens."""
    made = Engine(vlm)
    of = job()
    ready = plain.inputs(vlm.model, vlm.processor, of.images, of.chats[0])
    tokens = tuple(plain.generate(vlm.model, ready, {"max_new_tokens": 3, "do_sample": False}, 0))
    other = (tokens[0], (tokens[1] + 1) % 300)
    forms = Forms(yes=(tokens,), no=(other, (tokens[0] + 1,)))
    made.__dict__["_forms"] = forms
    ((yes, no), _), ((yes_too, no_too), _) = made.likelihoods(of), brute_force(vlm, of, forms)
    assert (yes, no) == pytest.approx((yes_too, no_too), rel=1e-4)
    assert yes > 0.001  # greedy tokens of a talkative model


def test_one_pass_reads_both_prompts_and_one_more_the_forms(vlm: Vlm) -> None:
    made = Engine(vlm)
    made.likelihoods(job())
    passes = []
    hook = vlm.model.get_decoder().register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        made.likelihoods(job(1))
        assert len(passes) == 3  # the common beginning, the two ends, the forms
        single = Forms(yes=((1,), (2,)), no=((3,),))
        made.__dict__["_forms"] = single
        passes.clear()
        (one, two) = made.likelihoods(job(1))
        assert len(passes) == 2
    finally:
        hook.remove()
    assert one != two
    read = stems.read(vlm.model, made_prompts(vlm, job(1)))
    for pair, stem in zip((one, two), read, strict=True):
        share = stem.logits.double().softmax(dim=-1)
        assert pair == pytest.approx((float(share[1] + share[2]), float(share[3])), rel=1e-5)


def made_prompts(vlm: Vlm, of: Job) -> Any:
    from itr_bench.engine.prompts import prepare

    return prepare(vlm.model, vlm.processor, of.images, of.chats)


def test_any_number_of_prompts(vlm: Vlm) -> None:
    made = Engine(vlm)
    three = made.likelihoods(job(2, texts=(ADDS, "Is it?", REPRESENTED)))
    for text, pair in zip((ADDS, "Is it?", REPRESENTED), three, strict=True):
        assert made.likelihoods(job(2, texts=(text,))) == [pytest.approx(pair, rel=1e-4)]


def test_the_adapter_answers_with_likelihoods(tmp_path: Path) -> None:
    from lmms_eval.api.instance import Instance

    from itr_bench.models.vlm import SharedImageVlm

    folder = make_checkpoint("llava_next", tmp_path / "checkpoint", seed=2)
    adapter = SharedImageVlm(str(folder), device="cpu")
    of = job()
    docs = [{"tweet_id": "7", "n": n} for n in (0, 1)]
    adapter.task_dict = {"t": {"test": docs}}

    def turn(doc: dict[str, Any]) -> list[dict[str, Any]]:
        (message,) = of.chats[doc["n"]]
        image, text = message["content"]
        return [{"role": "user", "content": [{**image, "url": of.images[0]}, text]}]

    asked = [
        Instance(
            request_type="generate_until",
            arguments=("", turn, {"scoring": "likelihood", "until": []}, n, "t", "test"),
            idx=0,
            metadata={"task": "t", "doc_id": n, "repeats": 2},
        )
        for n in (1, 0, 1, 0)
    ]
    found = [json.loads(answer.text) for answer in adapter.generate_until(asked)]
    first, second = (
        {"p_yes": yes, "p_no": no} for yes, no in Engine(adapter.engine.vlm).likelihoods(of)
    )
    assert found == [second, first, second, first]
    assert first != second


def test_a_run_that_shares_nothing_finds_the_same_likelihoods(tmp_path: Path) -> None:
    from itr_bench.cli.main import cli

    folder = make_checkpoint("llava_next", tmp_path / "checkpoint", seed=2)
    task = "itr_demo_en_likelihood"
    found = []
    for shared in (True, False):
        arguments = f"pretrained={folder},device=cpu,shared={shared}"
        out = tmp_path / str(shared)
        command = ["run", "--model", "itr_vlm", "--model_args", arguments, "--tasks", task]
        done = CliRunner().invoke(
            cli,
            [*command, "--limit", "2", "--name", "r", "--out", str(out)],
            catch_exceptions=False,
        )
        assert done.exit_code == 0
        lines = (out / "r" / task / "responses.jsonl").read_text().splitlines()
        responses = [json.loads(json.loads(line)["response"]) for line in lines]
        found.append([[one["p_yes"], one["p_no"]] for one in responses])
    assert len(found[0]) == 4
    assert found[1] == [pytest.approx(one, rel=1e-4) for one in found[0]]
