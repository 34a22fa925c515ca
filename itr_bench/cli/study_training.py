"""``itr-bench study training``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itr_bench.cli import run_options
from itr_bench.errors import RunError

if TYPE_CHECKING:
    from itr_bench.training.cross_validation import TrainingJob


@click.command("training")
@click.option(
    "--model",
    required=True,
    help="itr_vlm with --model_args pretrained=NAME, or a preset that uses itr_vlm.",
)
@run_options.MODEL_ARGS
@run_options.BASE
@click.option(
    "--train",
    metavar="LANG[+LANG...],...",
    help="Languages of the texts to train on, such as lv,lv+en: a training each. By default those "
    "of --base, one by one.",
)
@click.option("--folds", default=5, show_default=True, help="Folds: so many models a training.")
@click.option(
    "--epochs",
    default=3,
    show_default=True,
    help="Passes over the tweets of one language. Trainings on several languages, or on a share of "
    "the data, take as many steps.",
)
@click.option("--batch-size", default=16, show_default=True, help="Tweets a step.")
@click.option("--learning-rate", default=1e-4, show_default=True, help="The highest; cosine.")
@click.option(
    "--adapt",
    type=click.Choice(["lora", "full"]),
    default="lora",
    show_default=True,
    help="LoRA on the linear layers of the text decoder, or all weights.",
)
@click.option("--rank", default=16, show_default=True, help="Of LoRA.")
@click.option("--alpha", default=32, show_default=True, help="Of LoRA: scaled by alpha / rank.")
@click.option(
    "--share",
    default="100",
    show_default=True,
    metavar="PERCENT,...",
    help="Shares of the training tweets: a training each. 10,25,50,100 gives a learning curve.",
)
@click.option(
    "--balance",
    type=click.Choice(["none", "weights", "sampling"]),
    default="none",
    show_default=True,
    help="Against relations of different size: weights in the loss, or balanced sampling.",
)
@click.option(
    "--early-stopping",
    default=0,
    show_default=True,
    metavar="EPOCHS",
    help="Stop after so many epochs without a lower loss on an inner split of the training tweets; "
    "0 for never.",
)
@click.option(
    "--shuffle-labels",
    "shuffled_labels",
    is_flag=True,
    help="Train on labels dealt out by chance, as a control: the result has to be near chance.",
)
@click.option(
    "--training-seed",
    "seed",
    default=1,
    show_default=True,
    help="Of folds, first weights and order.",
)
@click.option(
    "--at-once",
    default=2,
    show_default=True,
    help="Tweets in memory at a time; the result is the same.",
)
@click.option(
    "--only-folds",
    metavar="N,...",
    help="Train these folds alone, from 1 on, and predict nothing, so that several GPUs can share "
    "the folds; the same command without it then does the rest.",
)
@click.option("--recompute", is_flag=True, help="Save memory: activations are computed twice.")
@run_options.SEEDS
@run_options.OUT
@run_options.NAME
@run_options.GEN_KWARGS
@run_options.DRY_RUN
def command(
    model: str,
    model_args: str,
    base: str,
    train: str | None,
    share: str,
    at_once: int,
    recompute: bool,
    only_folds: str | None,
    seeds: str,
    out: Path,
    folder: str | None,
    gen_kwargs: str,
    dry_run: bool,
    **settings: Any,
) -> None:
    """Fine-tune a model with cross-validation, and predict each tweet by a model that never saw it.

    The tweets are divided into folds, stratified by relation, with copies and near copies of a
    text or a picture in one fold; the 350 of ltec_itr_lv are predicted by models trained on the
    other folds of all 812. Only the answers count in the loss. The model without training is run
    first. What was begun is resumed by the same command, within a fold, too.

    The weights of fold K are in OUT/NAME-trained-LABEL/folds/K/weights: use LoRA's by
    --model_args pretrained=BASE,peft=FOLDER.

    \b
    Examples:
      itr-bench study training --model itr_vlm --model_args pretrained=Qwen/Qwen2-VL-7B-Instruct \\
          --base ltec_itr_full_lv --out studies/
      itr-bench study training --model itr_vlm --model_args pretrained=...,quantization=4bit \\
          --base ltec_itr_full_lv,ltec_itr_full_en --train lv,en,lv+en
      itr-bench study training --model itr_vlm --model_args pretrained=... --share 10,25,50,100
    """
    from itr_bench.cli.run import command_line, interruptible, report_missing
    from itr_bench.cli.study import bases_of, show
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.configuring import folder_name, refuse_launchers
    from itr_bench.seeds import read_seeds
    from itr_bench.studies.study import Material, get_study
    from itr_bench.studies.training import execute
    from itr_bench.tasks.spec import get_task
    from itr_bench.training.config import TrainingConfig
    from itr_bench.training.cross_validation import TrainingJob

    refuse_launchers()
    study = get_study("training")
    bases = [get_task(name) for name in bases_of(study, base)]
    asked = resolve_model(model, model_args=model_args, gen_kwargs=gen_kwargs)
    languages = train or ",".join(dict.fromkeys(task.language for task in bases))
    configs = [
        TrainingConfig(languages=one, share=percent, **settings)
        for one in _languages(languages)
        for percent in _numbers("--share", share)
    ]
    job = TrainingJob(
        model=asked,
        bases=bases,
        configs=configs,
        seeds=read_seeds(seeds),
        folder=out / folder_name(folder, asked),
        command=command_line(),
        at_once=at_once,
        recompute=recompute,
        only_folds=()
        if only_folds is None
        else [fold - 1 for fold in _numbers("--only-folds", only_folds)],
    )
    if dry_run:
        _show(job)
        return
    with interruptible(out):
        runs, results = execute(job, lambda line: click.echo(line, err=True))
    if job.only_folds:
        click.echo(f"Trained: {_folds(job)}. Without --only-folds, the command does the rest.")
        return
    scored = [run.scored for run in runs if run.scored is not None]
    show(study, Material(runs=scored, results=results))
    click.echo(f"\nThe runs are in {job.folder} and beside it, in {job.folder.name}-trained-...")
    sys.exit(report_missing(runs))


def _languages(text: str) -> list[tuple[str, ...]]:
    """The languages of each training."""
    found = [tuple(filter(None, one.strip().split("+"))) for one in text.split(",")]
    if not all(found) or any(len(set(one)) < len(one) for one in found):
        raise RunError(f"--train {text!r}: expected languages such as lv,en,lv+en, each once")
    return list(dict.fromkeys(found))


def _numbers(option: str, text: str) -> list[int]:
    """The numbers of an option, each once."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise RunError(f"{option} {text!r}: expected numbers with commas, such as 1,2")
    return sorted({int(part) for part in parts})


def _folds(job: TrainingJob) -> str:
    """The folds that are trained alone."""
    numbers = ", ".join(str(fold + 1) for fold in job.only_folds)
    return f"fold{'' if len(job.only_folds) == 1 else 's'} {numbers}"


def _show(job: TrainingJob) -> None:
    """What would be done; loads and fetches nothing."""
    from itr_bench.runs.plan import tweets_known
    from itr_bench.training.cross_validation import check_bases, language_tasks, training_tasks

    check_bases(job.bases, job.model)
    bases = ", ".join(task.name for task in job.bases)
    lines = [] if job.only_folds else [f"{job.model.name}, without training: {bases}"]
    for config in job.configs:
        tasks = training_tasks(job.bases, config.languages)
        pool = language_tasks(job.bases)[job.bases[0].language]
        tweets = tweets_known(pool)
        folds = f"{_folds(job)} of {config.folds}" if job.only_folds else f"{config.folds} folds"
        rounds = f"{config.steps(tweets)} steps" if tweets else f"{config.epochs} epochs"
        lines.append(
            f"{job.trained_name(config)}: {folds}, {rounds} of {config.batch_size} tweets each, "
            f"{config.adapt}, learning rate {config.learning_rate:g}; "
            f"texts of {', '.join(task.name for task in tasks)}; "
            f"to {job.trained_folder(config)}"
        )
    click.echo("\n".join(lines))
