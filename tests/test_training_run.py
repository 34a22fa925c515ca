"""`itr-bench study training` on tiny models: what is learned, kept, resumed and refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from itr_bench import storage
from itr_bench.cli.main import cli
from itr_bench.errors import ItrBenchError, RunError
from itr_bench.runs.response_log import read_responses
from itr_bench.runs.run_folder import read_run_folder
from itr_bench.training.config import TrainingConfig
from tests import forked
from tests.conftest import ROOT, needs

pytestmark = [pytest.mark.slow, needs("torch", "lmms_eval", "peft")]

FAMILIES = ("qwen2_vl", "llava_next", "mllama")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tiny checkpoints of random weights, made when first asked for."""
    from itr_bench.models.tiny import make_checkpoint
    from tests import families

    folder = tmp_path_factory.mktemp("checkpoints")

    def made(name: str) -> Path:
        place = folder / name
        if not place.exists():
            (make_checkpoint if name in FAMILIES else families.make)(name, place)
        return place

    return made


def _arguments(checkpoint: Path, out: Path, *more: str) -> list[str]:
    return [
        *("study", "training", "--model", "itr_vlm"),
        *("--model_args", f"pretrained={checkpoint},dtype=float32", "--name", "m"),
        *("--folds", "2", "--epochs", "2", "--batch-size", "4", "--seeds", "1,", "--out", str(out)),
        *("--base", "itr_demo_lv", "--learning-rate", "3e-3", "--at-once", "4"),
        *("--gen_kwargs", "max_new_tokens=8", *more),
    ]


def _train(checkpoint: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, _arguments(checkpoint, out, *more), catch_exceptions=True)


@pytest.fixture(scope="module")
def trained(checkpoints: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("trained")
    done = _train(checkpoints("qwen2_vl"), out)
    assert done.exit_code == 0, done.output
    return out, done


@pytest.fixture
def begun(trained: tuple[Path, Result], tmp_path: Path) -> Path:
    """A folder in which the model has answered without training, and nothing was trained."""
    shutil.copytree(trained[0] / "m", tmp_path / "m")
    return tmp_path


def test_predictions_are_run_folders_that_say_what_they_are(trained: tuple[Path, Result]) -> None:
    out, done = trained
    run = read_run_folder(out / "m-trained-lv" / "itr_demo_lv")
    assert run.model.endswith(", trained on lv")
    assert run.generation is not None
    facts = run.generation["training"]
    assert (facts["languages"], facts["folds"], facts["steps"], facts["adapt"]) == (
        *("lv", 2, 6, "lora"),
    )
    assert sorted(facts["weights"]) == ["1", "2"]
    assert len(run.predictions.tweet_ids) == 24
    plain = read_run_folder(out / "m" / "itr_demo_lv")
    assert plain.generation is not None and "training" not in plain.generation
    for title in ("Gain by training", "By relation", "What training costs"):
        assert title in done.output


def test_each_tweet_is_answered_by_the_model_that_never_saw_it(
    trained: tuple[Path, Result], checkpoints: Any
) -> None:
    """The log of the run is what `itr_vlm` says with the weights of the tweet's fold."""
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.configuring import configure
    from itr_bench.runs.execute import execute
    from itr_bench.tasks.spec import get_task

    out, _ = trained
    folder = out / "m-trained-lv"
    fold_of = json.loads((folder / "folds.json").read_text())["fold_of"]
    logged = read_responses(folder / "itr_demo_lv" / "responses.jsonl")
    alike = {True: 0, False: 0}
    for fold in (0, 1):
        weights = folder / "folds" / str(fold + 1) / "weights"
        arguments = f"pretrained={checkpoints('qwen2_vl')},dtype=float32,peft={weights}"
        model = resolve_model("itr_vlm", model_args=arguments, gen_kwargs="max_new_tokens=8")
        place = out / f"by-hand-{fold}"
        config = configure(model, [get_task("itr_demo_lv")], (1,), place, command="")
        execute(config, lambda _: None)
        manifest = json.loads((place / "itr_demo_lv" / "manifest.json").read_text())
        assert len(manifest["configuration"]["engine"]["peft"]) == 64
        by_hand = read_responses(place / "itr_demo_lv" / "responses.jsonl")
        for key, response in by_hand.items():
            own = fold_of[key[0]] == fold
            alike[own] += response.response == logged[key].response
            assert not own or response.response == logged[key].response
    assert alike[True] == 48
    assert alike[False] < 48  # the other fold's model is another one


def test_the_same_command_again_trains_nothing(
    trained: tuple[Path, Result], checkpoints: Any
) -> None:
    out, first = trained
    files = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".lock"]
    before = {path: path.read_bytes() for path in files if path.name != "manifest.json"}
    done = _train(checkpoints("qwen2_vl"), out)
    assert done.exit_code == 0
    reports = [one.output[one.output.index("Does fine-tuning help") :] for one in (first, done)]
    assert reports[0] == reports[1]
    assert {path: path.read_bytes() for path in before} == before


def test_another_training_does_not_go_on_in_the_folder(
    trained: tuple[Path, Result], checkpoints: Any
) -> None:
    out, _ = trained
    done = _train(checkpoints("qwen2_vl"), out, "--train", "lv", "--rank", "8")
    assert done.exit_code == 1
    assert "holds another training:" in str(done.exception)
    assert "rank: 16 there, 8 now" in str(done.exception)


# Killed


def test_killed_in_the_middle_of_a_fold_it_ends_with_the_same_weights(
    trained: tuple[Path, Result], checkpoints: Any, begun: Path
) -> None:
    from tests import adapters

    out, tmp_path = trained[0], begun
    command = _arguments(checkpoints("qwen2_vl"), tmp_path)
    log = tmp_path / "log.txt"
    status = forked.run(adapters.itr_bench_killed_at_a_checkpoint, *command, output=log, cwd=ROOT)
    assert status == -signal.SIGKILL, log.read_text()[-3000:]
    checkpoints_of_fold = tmp_path / "m-trained-lv" / "folds" / "1" / "checkpoints"
    assert (checkpoints_of_fold / "checkpoint-3" / "trainer_state.json").exists()
    torn = checkpoints_of_fold / "checkpoint-5"
    shutil.copytree(checkpoints_of_fold / "checkpoint-3", torn)
    (torn / "trainer_state.json").write_text('{"epoch": ')
    alone = _train(checkpoints("qwen2_vl"), tmp_path, "--only-folds", "2")
    assert alone.output.endswith(
        "Trained: fold 2. Without --only-folds, the command does the rest.\n"
    )
    folds = tmp_path / "m-trained-lv" / "folds"
    assert [(folds / fold / "fold.json").exists() for fold in ("1", "2")] == [False, True]
    assert not (tmp_path / "m-trained-lv" / "itr_demo_lv").exists()
    done = _train(checkpoints("qwen2_vl"), tmp_path)
    assert done.exit_code == 0, done.output
    for fold in ("1", "2"):
        one, other = (
            json.loads((place / "m-trained-lv" / "folds" / fold / "fold.json").read_text())
            for place in (out, tmp_path)
        )
        assert one["losses"] == other["losses"]
        assert one["weights"] == other["weights"]
    assert not checkpoints_of_fold.exists()


def test_a_fold_that_another_process_trains_is_refused(checkpoints: Any, tmp_path: Path) -> None:
    folder = tmp_path / "m-trained-lv" / "folds" / "2"
    folder.mkdir(parents=True)
    with storage.locked(folder / ".training-lock", RunError("")):
        done = _train(checkpoints("qwen2_vl"), tmp_path, "--only-folds", "2")
    assert str(done.exception) == f"another process is training in {folder}; wait for it"


def test_interrupted_anywhere_it_ends_with_the_same_weights(
    trained: tuple[Path, Result], checkpoints: Any, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a picture is written, in the middle of a step, and while weights are written."""
    import torch

    from itr_bench.training import fit

    out, tmp_path = trained[0], begun

    def interrupt(owner: Any, name: str, times: int) -> None:
        """Ctrl-C at the end of what *name* does, when it was called so often."""
        original, calls = getattr(owner, name), []

        def interrupted(*given: Any, **more: Any) -> Any:
            done = original(*given, **more)
            calls.append(name)
            if len(calls) == times:
                raise KeyboardInterrupt
            return done

        with monkeypatch.context() as changed:
            changed.setattr(owner, name, interrupted)
            stopped = _train(checkpoints("qwen2_vl"), tmp_path)
        assert stopped.exit_code == 130, stopped.output

    folder = tmp_path / "m-trained-lv" / "folds" / "1"
    interrupt(torch, "save", 3)
    assert len(list((tmp_path / "m-pictures").glob("*.pt"))) == 2
    interrupt(fit._AnswerTrainer, "compute_loss", 5)
    assert fit.last_checkpoint(folder / "checkpoints") == folder / "checkpoints" / "checkpoint-3"
    interrupt(fit, "weights_hash", 1)  # between weights and record
    assert (folder / "weights").exists()
    assert not (folder / "fold.json").exists()
    (folder / "weights").rename(folder / "weights.part")  # as before the last renaming
    done = _train(checkpoints("qwen2_vl"), tmp_path)
    assert done.exit_code == 0, done.output
    for fold in ("1", "2"):
        one, other = (
            json.loads((place / "m-trained-lv" / "folds" / fold / "fold.json").read_text())
            for place in (out, tmp_path)
        )
        assert one["losses"] == other["losses"]
        assert one["weights"] == other["weights"]
    assert not list(tmp_path.rglob("*.part"))


# Sequences


def _encoder(checkpoint: Path, folder: Path, adapt: str = "lora") -> tuple[Any, Any, Any]:
    from itr_bench.engine.loading import load
    from itr_bench.training import fit
    from itr_bench.training.pictures import PictureStore
    from itr_bench.training.sequences import Encoder

    vlm = load(str(checkpoint), dtype="float32", device="cpu")
    import torch

    torch.manual_seed(0)
    trained = fit.adapt(vlm.model, TrainingConfig(("lv",), adapt=adapt))  # type: ignore[arg-type]
    for name, weight in vlm.model.named_parameters():
        if "lora_B" in name:  # zero at first, so that its gradient alone would be seen
            torch.nn.init.normal_(weight, std=0.05)
    return vlm, trained, Encoder(vlm, PictureStore(folder / "pictures", {"model": "tiny"}))


def _examples(count: int) -> list[Any]:
    from itr_bench.tasks import documents
    from itr_bench.tasks.definitions import define
    from itr_bench.tasks.spec import get_task
    from itr_bench.training.cross_validation import _Prompts
    from itr_bench.training.sequences import Example

    task = get_task("itr_demo_lv")
    wording = define(task, "itr_vlm").wording
    rows = [document for document, _ in documents.rows(task)][: 2 * count]
    return [
        Example(
            one["tweet_id"],
            one["image_sha256"],
            _Prompts((one, other), wording),
            ("Yes", "No"),
            (1.0, 0.5),
        )
        for one, other in zip(rows[::2], rows[1::2], strict=True)
    ]


@pytest.mark.parametrize(
    ("family", "adapt", "way"),
    [
        ("qwen2_vl", "lora", (True, True)),
        ("qwen2_vl", "full", (True, False)),
        ("llava_next", "lora", (True, True)),
        ("mllama", "lora", (True, False)),
        ("qwen3_vl", "lora", (True, True)),
        ("qwen3_5", "lora", (False, True)),
        ("gemma3", "lora", (False, True)),
        ("internvl", "lora", (True, True)),
        ("cohere2_vision", "lora", (True, True)),
        ("lfm2_vl", "lora", (False, True)),
        ("mistral3, mistral4 text (MLA)", "lora", (True, True)),
    ],
)
def test_loss_and_gradients_are_those_of_single_prompts(
    family: str, adapt: str, way: tuple[bool, bool], checkpoints: Any, tmp_path: Path
) -> None:
    """The way that a family takes, and that it changes nothing: three tweets of unequal length."""
    import torch

    from itr_bench.training import fit
    from itr_bench.training.sequences import Way, answer_scores

    vlm, _, encoder = _encoder(checkpoints(family), tmp_path, adapt)
    examples = _examples(3)
    chosen, lean, reasons = fit.choose_way(vlm, encoder, examples)
    assert (chosen.shared, chosen.cached) == way
    assert lean is not None, reasons
    vlm.model.train()

    def loss_of(batches: list[Any], taken: Way, lean: Any) -> tuple[float, dict[str, Any]]:
        vlm.model.zero_grad()
        total = 0.0
        for batch in batches:
            logits, tokens, weights = answer_scores(vlm.model, encoder.batch(batch, taken), lean)
            loss = torch.nn.functional.cross_entropy(logits, tokens, reduction="none")
            (loss * weights).sum().backward()
            total += float((loss * weights).sum().detach())
        return total, {
            name: weight.grad.clone()
            for name, weight in vlm.model.named_parameters()
            if weight.grad is not None
        }

    alone = Way(False, False)
    singles = [[[one]] for example in examples for one in encoder.encode(example, alone)]
    lean.read(None)
    expected, gradients = loss_of(singles, alone, None)
    found, of_way = loss_of([[encoder.encode(one, chosen) for one in examples]], chosen, lean)
    assert found == pytest.approx(expected, rel=1e-4)
    assert of_way.keys() == gradients.keys()
    largest = max(float(one.abs().max()) for one in gradients.values())
    assert largest > 0
    for name, gradient in gradients.items():
        torch.testing.assert_close(of_way[name], gradient, rtol=1e-2, atol=1e-3 * largest)


@pytest.mark.parametrize("window", [372, 310])
def test_a_sequence_beyond_a_window_is_trained_as_single_prompts(
    window: int, checkpoints: Any, tmp_path: Path
) -> None:
    """Cohere2, on tweets of 292, 304 and 372 tokens; the last one's prompts have 316 and 319."""
    from itr_bench.training import fit
    from itr_bench.training.sequences import Way

    vlm, _, encoder = _encoder(checkpoints("cohere2_vision"), tmp_path)
    examples = [_examples(24)[number] for number in (9, 3, 23)]
    vlm.model.config.text_config.sliding_window = window
    for layer in vlm.model.get_decoder().layers:
        if layer.self_attn.sliding_window is not None:
            layer.self_attn.sliding_window = window

    def scores(way: Way, lean: Any = None) -> Any:
        """Of the longest; the scores of the two others are compared in any case."""
        made = encoder.encode(examples[2], way)
        batch = [made] if way.shared else [[one] for one in made]
        return fit._scores(vlm, encoder, batch, way, lean)

    way, lean, reasons = fit.choose_way(vlm, encoder, examples)
    alone = scores(Way(False, False))
    assert lean is not None
    assert (scores(way, lean) - alone).abs().max() < 1e-4
    if window < 372:
        assert way == Way(False, True)
        assert (scores(Way(True, True)) - alone).abs().max() > 0.1
        assert reasons == [f"{Way(True, True)}: of 372 tokens, the model's window is 310"]
    else:
        assert (way, reasons) == (Way(True, True), [])


def _doubled(made: Any) -> Any:
    return made * 2


def _without_room(made: Any) -> Any:
    raise MemoryError("no room")


@pytest.mark.parametrize(
    ("broken", "said"),
    [(_doubled, "scores differ by .+ from single prompts"), (_without_room, "no room")],
)
def test_what_a_model_cannot_leave_out_is_computed(
    broken: Callable[[Any], Any],
    said: str,
    checkpoints: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from itr_bench.training import fit
    from itr_bench.training.leaner import Lean
    from itr_bench.training.sequences import Way

    vlm, _, encoder = _encoder(checkpoints("qwen2_vl"), tmp_path)
    examples, shared = _examples(2), Way(True, True)
    made = [encoder.encode(one, shared) for one in examples]
    before = fit._scores(vlm, encoder, made, shared)
    right = Lean._where_read

    def wrong(self: Any, *given: Any) -> Any:
        found = right(self, *given)
        return found if self._places is None else broken(found)

    monkeypatch.setattr(Lean, "_where_read", wrong)
    way, lean, reasons = fit.choose_way(vlm, encoder, examples)
    assert (way, lean) == (shared, None)
    assert len(reasons) == 1
    assert re.fullmatch(f"leaving out what is not read: {said}", reasons[0])
    assert (fit._scores(vlm, encoder, made, shared) - before).abs().max() < 1e-6


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("bias", [True, False])
def test_lora_added_in_place_is_that_of_peft(dtype: str, bias: bool) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from itr_bench.training.leaner import add_lora_in_place

    def made() -> tuple[Any, Any]:
        torch.manual_seed(0)
        layer = torch.nn.Sequential(torch.nn.Linear(24, 40, bias=bias))
        states = torch.randn(3, 5, 24).to(getattr(torch, dtype)).requires_grad_()
        shell = get_peft_model(
            layer.to(getattr(torch, dtype)), LoraConfig(r=4, lora_alpha=10, target_modules=["0"])
        )
        torch.nn.init.normal_(shell.base_model.model[0].lora_B.default.weight)
        return shell, states

    results = []
    for changed in (False, True):
        shell, states = made()
        if changed:
            add_lora_in_place(shell)
        found = shell(states)
        found.float().square().sum().backward()
        learned = [weight.grad for weight in shell.parameters() if weight.requires_grad]
        results.append([found, states.grad, *learned])
    assert len(results[0]) == 4
    close = 1e-5 if dtype == "float32" else 2e-2
    for one, other in zip(*results, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=0, atol=close * float(one.detach().abs().max()))


def test_only_the_answers_count_in_the_loss(checkpoints: Any, tmp_path: Path) -> None:
    from itr_bench.training.sequences import Way

    vlm, _, encoder = _encoder(checkpoints("qwen2_vl"), tmp_path)
    (example,) = _examples(1)
    batch = encoder.batch([encoder.encode(example, Way(True, True))], Way(True, True))
    labels = batch["labels"][0]
    learned = vlm.processor.tokenizer.decode(labels[labels != -100])
    assert learned == "Yes<|im_end|>No<|im_end|>"
    assert batch["weights"][0][labels != -100].unique().tolist() == [0.5, 1.0]


def test_what_lora_adapts(checkpoints: Any, tmp_path: Path) -> None:
    """The text decoder alone: not the vision encoder, the projector or the head."""
    for family in FAMILIES:
        vlm, _, _ = _encoder(checkpoints(family), tmp_path / family)
        adapted = {n for n, weight in vlm.model.named_parameters() if weight.requires_grad}
        decoder = {n for n, _ in vlm.model.named_parameters() if "language_model" in n}
        assert adapted and adapted <= decoder
        assert all("lora_" in name for name in adapted)


# Options


@pytest.mark.parametrize("chances", [None, [1.0, 0.0, 2.0] * 6])
def test_order_follows_from_seed_and_epoch_with_like_lengths_together(chances: Any) -> None:
    from itr_bench.training.fit import Order

    lengths = [7, 30, 12, 9, 25, 14, 8, 31, 11, 6, 28, 13, 5, 27, 10, 4, 26, 15]

    def epochs(batch: int, seed: int, first: int = 0) -> list[list[int]]:
        order = Order(lengths, chances, batch, seed)
        found = []
        for epoch in range(first, 3):
            order.set_epoch(epoch)
            found.append(list(order))
        return found

    made, unsorted = epochs(4, seed=5), epochs(1, seed=5)
    assert made[1:] == epochs(4, seed=5, first=1)  # resumed
    assert made[0] != made[1] and made != epochs(4, seed=6)
    for epoch, plain in zip(made, unsorted, strict=True):
        assert len(epoch) == 18
        for start in range(0, 16, 4):
            step, same = epoch[start : start + 4], plain[start : start + 4]
            assert step == sorted(same, key=lengths.__getitem__)
        assert epoch[16:] == plain[16:]
        if chances is None:
            assert sorted(epoch) == list(range(18))
        else:
            assert not {1, 4, 7, 10, 13, 16} & set(epoch)


def test_early_stopping_and_balanced_sampling(checkpoints: Any, begun: Path) -> None:
    """On an inner split that no fold predicts; the best weights are taken.

    The inner split is smaller than what is in memory at once.
    """
    done = _train(
        checkpoints("qwen2_vl"),
        begun,
        *("--early-stopping", "1", "--balance", "sampling", "--epochs", "4", "--recompute"),
        *("--learning-rate", "0.3", "--batch-size", "4"),
    )
    assert done.exit_code == 0, done.output
    for fold in ("1", "2"):
        record = json.loads((begun / "m-trained-lv" / "folds" / fold / "fold.json").read_text())
        assert record["tweets"] + record["inner_tweets"] == 12
        assert record["inner_tweets"] >= 1
        losses = record["inner_losses"]
        best = losses.index(min(losses))
        assert record["best_step"] == 3 * (best + 1)
        assert len(losses) == min(4, best + 2)  # it stopped one epoch after the best


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        ([0, 0, 0, 1], {(0, "yes"): 1.0, (1, "yes"): 4 / 6, (1, "no"): 2.0}),
        ([0, 1, 2, 3], {(n, a): 1.0 for n in (0, 1) for a in ("yes", "no")}),
    ],
)
def test_weights_let_yes_and_no_count_alike(
    relations: list[int], expected: dict[tuple[int, str], float]
) -> None:
    from itr_bench.training.cross_validation import _weights
    from itr_bench.training.splits import Part

    names = tuple(str(number) for number in range(len(relations)))
    part = Part(names, (), dict(zip(names, relations, strict=True)))
    found = _weights(part, TrainingConfig(("lv",), balance="weights"))
    assert {key: found[key[0], answer] for key in expected for answer in [_answer(key[1])]} == (
        pytest.approx(expected)
    )


def _answer(value: str) -> Any:
    from itr_bench.relation import Answer

    return Answer(value)


def test_dry_run(checkpoints: Any, tmp_path: Path) -> None:
    done = _train(checkpoints("qwen2_vl"), tmp_path / "o", "--train", "lv,lv+en", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "trained on lv+en: 2 folds, 6 steps of 4 tweets each, lora" in done.output
    assert "texts of itr_demo_lv, itr_demo_en" in done.output
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("folds", "said"), [("2", "fold 2 of 2"), (" 2 , 1,2", "folds 1, 2 of 2")])
def test_dry_run_of_some_folds(folds: str, said: str, checkpoints: Any, tmp_path: Path) -> None:
    done = _train(checkpoints("qwen2_vl"), tmp_path, "--only-folds", folds, "--dry-run")
    assert f", trained on lv: {said}, 6 steps of 4 tweets each" in done.output
    assert "without training" not in done.output


def test_processes_that_begin_at_once_write_one_after_the_other(
    checkpoints: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where several GPUs share the folds: each writes what all of them find in the folder."""
    from itr_bench.training import cross_validation, pictures

    written = []

    def write_json(path: Path, value: object) -> None:
        with pytest.raises(storage.Timeout):
            storage.Lock(path.parent / ".writing-lock", timeout=0).acquire()
        written.append(path.name)
        storage.write_json(path, value)

    monkeypatch.setattr("itr_bench.runs.manifest.write_json", write_json)
    monkeypatch.setattr(cross_validation, "write_json", write_json)
    monkeypatch.setattr(pictures, "write_json", write_json)
    monkeypatch.setattr(cross_validation._Training, "_fit", lambda *_: {})
    done = _train(checkpoints("qwen2_vl"), tmp_path, "--only-folds", "1")
    assert done.exit_code == 0, done.output
    pictures.PictureStore(tmp_path / "pictures", {})
    assert written == ["folds.json", "training.json", "pictures.json"]


# What is refused


def test_pictures_of_another_model(
    trained: tuple[Path, Result], checkpoints: Any, tmp_path: Path
) -> None:
    out, _ = trained
    shutil.copytree(out / "m-pictures", tmp_path / "m-pictures")
    done = _train(checkpoints("llava_next"), tmp_path, "--gen_kwargs", "max_new_tokens=1")
    assert done.exit_code == 1
    assert "holds the encoded pictures of another model or setting:" in str(done.exception)
    assert "content: 'sha256:" in str(done.exception)
    assert not list(tmp_path.rglob("checkpoints"))


def test_an_adapter_of_another_model(trained: tuple[Path, Result], checkpoints: Any) -> None:
    from itr_bench.engine.loading import load

    weights = str(trained[0] / "m-trained-lv" / "folds" / "1" / "weights")
    for other, said in (
        (str(checkpoints("qwen3_vl")), "is no adapter for this checkpoint"),
        (str(checkpoints("llava_next")), "is no adapter for this checkpoint"),
    ):
        with pytest.raises(ItrBenchError, match=said):
            load(other, dtype="float32", device="cpu", peft=weights)
    with pytest.raises(ItrBenchError, match=r"expected a folder with adapter_config\.json"):
        load(str(checkpoints("qwen2_vl")), dtype="float32", device="cpu", peft=str(trained[0]))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("m-trained-lv/training.json", "[]", "expected a JSON object, found list"),
        ("m-trained-lv/folds/1/fold.json", "[]", "expected a JSON object, found list"),
        ("m-trained-lv/folds/1/fold.json", '{"weights": "x"}', "does not fit its checksum"),
        ("m-trained-lv/folds/1/fold.json", "{", "cannot read .*fold.json"),
        ("m-trained-lv/folds/1/weights/x", "", "not the weights that fold.json names"),
        ("m-pictures/pictures.json", "[]", "expected a JSON object, found list"),
    ],
)
def test_edited_files(
    trained: tuple[Path, Result], tmp_path: Path, file: str, content: str, said: str
) -> None:
    from itr_bench.runs.manifest import read_json
    from itr_bench.training.fit import read_record
    from itr_bench.training.pictures import PictureStore

    shutil.copytree(trained[0], tmp_path / "o")
    path = tmp_path / "o" / file
    path.write_text(content)
    with pytest.raises(RunError, match=said):
        if "folds" in file:
            read_record(tmp_path / "o" / "m-trained-lv" / "folds" / "1")
        elif "pictures" in file:
            PictureStore(path.parent, {})
        else:
            read_json(path)


def test_a_damaged_picture(tmp_path: Path) -> None:
    from itr_bench.training.pictures import PictureStore

    store = PictureStore(tmp_path / "p", {})
    (tmp_path / "p" / "one.pt").write_bytes(b"PK")
    with pytest.raises(RunError, match=rf"Delete {tmp_path}/p, it is made again"):
        store.get("one")


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    from itr_bench.runs.response_log import make_folder
    from itr_bench.training.pictures import PictureStore

    (tmp_path / "file").write_text("")
    for make in (make_folder, lambda folder: PictureStore(folder, {})):
        for folder in (tmp_path / "file", tmp_path / "file" / "x"):
            with pytest.raises(RunError, match=f"cannot write {folder}"):
                make(folder)


def test_the_list_of_the_folds_is_written_anew(
    trained: tuple[Path, Result], checkpoints: Any, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    shutil.copytree(trained[0], out)
    folds = out / "m-trained-lv" / "folds.json"
    written = folds.read_bytes()
    folds.write_text("{}")
    done = _train(checkpoints("qwen2_vl"), out)
    assert done.exit_code == 0, done.output
    assert folds.read_bytes() == written


def test_another_training_is_refused_before_anything_is_run(
    trained: tuple[Path, Result], checkpoints: Any, tmp_path: Path
) -> None:
    shutil.copytree(trained[0] / "m-trained-lv", tmp_path / "m-trained-lv")
    done = _train(checkpoints("qwen2_vl"), tmp_path, "--train", "en,lv", "--epochs", "1")
    assert "holds another training" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["m-trained-lv"]


def test_data_that_was_built_anew_is_refused(
    trained: tuple[Path, Result], checkpoints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from itr_bench.tasks import documents

    monkeypatch.setattr(documents, "identity", lambda task: "demo-000000000000")
    done = _train(checkpoints("qwen2_vl"), trained[0])
    assert isinstance(done.exception, RunError)
    assert "m-trained-lv holds another training:" in str(done.exception)
    assert re.search("tasks.itr_demo_lv: 'demo-.*' there, 'demo-0{12}' now", str(done.exception))
    assert "Give the old values, and the data as it was" in str(done.exception)


def test_a_disk_that_refuses_the_lock(
    trained: tuple[Path, Result], checkpoints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from itr_bench.training import cross_validation

    def refused(_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(storage.Lock, "acquire", refused)
    monkeypatch.setattr(cross_validation, "execute", lambda *_: [])
    done = _train(checkpoints("qwen2_vl"), trained[0])
    assert isinstance(done.exception, RunError)
    assert "m-trained-lv: Read-only file system. What was answered" in str(done.exception)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--at-once", "0"], "at_once is 0, expected 1 or more"),
        (["--only-folds", "1,3"], "only_folds is 3, expected 1 to 2"),
        (["--only-folds", "0"], "only_folds is 0, expected 1 to 2"),
        (["--only-folds", "a"], "--only-folds 'a': expected numbers with commas, such as 1,2"),
        (["--only-folds", ""], "--only-folds '': expected numbers with commas, such as 1,2"),
        (["--share", ""], "--share '': expected numbers with commas, such as 1,2"),
        (["--base", "itr_demo_lv,ltec_itr_lv"], "the tasks are of different sets"),
    ],
)
def test_options_refused_by_a_dry_run(more: list[str], said: str, tmp_path: Path) -> None:
    done = _train(tmp_path / "none", tmp_path, *more, "--dry-run")
    assert said in str(done.exception)
    assert isinstance(done.exception, ItrBenchError)


def test_a_loss_that_is_not_finite_ends_the_training_at_once(checkpoints: Any, begun: Path) -> None:
    rate = ("--learning-rate", "1e30", "--epochs", "4")
    done = _train(checkpoints("qwen2_vl"), begun, *rate)
    assert re.search(
        r"fold 1: the loss of step \d+ is (nan|inf)\. Take a lower", str(done.exception)
    )
    assert f"delete {begun / 'm-trained-lv'} first" in str(done.exception)
    assert not list(begun.rglob("weights"))


def test_a_best_checkpoint_is_found_in_a_folder_that_was_moved(tmp_path: Path) -> None:
    from itr_bench.training.fit import last_checkpoint

    for step in (3, 6):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        state = {"global_step": step, "best_model_checkpoint": "/old/checkpoints/checkpoint-3"}
        (folder / "trainer_state.json").write_text(json.dumps(state))
    last = last_checkpoint(tmp_path)
    assert last == tmp_path / "checkpoint-6"
    assert json.loads((last / "trainer_state.json").read_bytes()) == {
        "global_step": 6,
        "best_model_checkpoint": str(tmp_path / "checkpoint-3"),
    }


def test_adapters_of_the_same_weights_are_the_same_files(trained: tuple[Path, Result]) -> None:
    found = trained[0] / "m-trained-lv" / "folds" / "1" / "weights" / "adapter_config.json"
    names = json.loads(found.read_bytes())["target_modules"]
    assert len(names) > 2
    assert names == sorted(names)


def test_models_that_cannot_be_adapted(checkpoints: Any) -> None:
    import torch

    from itr_bench.engine.loading import load
    from itr_bench.training import fit

    model = load(str(checkpoints("qwen2_vl")), dtype="float32", device="cpu").model
    model.is_quantized = True
    with pytest.raises(RunError, match="weights in 4 bits cannot be trained; take --adapt lora"):
        fit.adapt(model, TrainingConfig(("lv",), adapt="full"))
    model.model.language_model.layers = torch.nn.ModuleList()
    with pytest.raises(RunError, match="has no linear layers that LoRA can adapt"):
        fit.adapt(model, TrainingConfig(("lv",)))


def _out_of_memory() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (_out_of_memory, "not enough memory to train"),
        (lambda: OSError(28, "No space left on device"), "free some space"),
        (lambda: RuntimeError("PytorchStreamWriter failed writing file data/0"), "free some space"),
        (lambda: RuntimeError("PytorchStreamReader failed reading"), "Delete the last one"),
        (lambda: EOFError("Ran out of input"), "Delete the last one"),
    ],
)
def test_full_memory_and_full_disks(raised: Any, said: str, tmp_path: Path) -> None:
    from itr_bench.training.fit import _explained

    with pytest.raises(RunError, match=said), _explained(tmp_path):
        raise raised()


def test_what_was_trained_before_a_full_disk_is_kept(
    checkpoints: Any, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from itr_bench.training import fit

    saved = fit._save

    def fails(vlm: Any, trained: Any, folder: Path) -> None:
        if folder.name == "2":
            raise OSError(28, "No space left on device")
        saved(vlm, trained, folder)

    monkeypatch.setattr(fit, "_save", fails)
    done = _train(checkpoints("qwen2_vl"), begun, "--epochs", "1")
    assert done.exit_code == 1
    assert isinstance(done.exception, RunError)
    assert "goes on from the last checkpoint" in str(done.exception)
    assert (begun / "m-trained-lv" / "folds" / "1" / "fold.json").exists()
    assert not (begun / "m-trained-lv" / "itr_demo_lv").exists()


def test_what_a_kill_left_among_the_pictures_is_removed(tmp_path: Path) -> None:
    from itr_bench.training.pictures import PictureStore

    for name, age in (("old.1.part", 7200), ("new.2.part", 10)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    PictureStore(tmp_path, {"model": "m"})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".writing-lock", "new.2.part", "pictures.json")
    ]


@needs("bitsandbytes")
def test_lora_beside_weights_in_four_bits(checkpoints: Any, tmp_path: Path) -> None:
    arguments = f"pretrained={checkpoints('qwen2_vl')},dtype=float32,quantization=4bit,device=cpu"
    more = ("--model_args", arguments, "--gen_kwargs", "max_new_tokens=1")
    done = _train(checkpoints("qwen2_vl"), tmp_path, *more)
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "m-trained-lv" / "folds" / "1" / "fold.json").read_text())
    assert record["losses"][-1] < record["losses"][0]
    assert record["way"] == "one sequence a tweet, pictures encoded once"
    assert (tmp_path / "m-trained-lv" / "folds" / "1" / "weights" / "adapter_config.json").exists()
