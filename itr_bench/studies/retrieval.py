"""Does an encoder find the image of a text, and the text of an image? In which language better?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from itr_bench.data.manifest import text_hash
from itr_bench.errors import DataError
from itr_bench.scoring.signature import digest
from itr_bench.studies.encoder_work import Work, kept_apart, notices
from itr_bench.studies.encoders.embed import Pairs
from itr_bench.studies.encoders.ranking import TIE, ranks
from itr_bench.studies.ranked import FEW, NAME, Gap, Ranked, gaps, not_compared, read_ranks
from itr_bench.studies.retrieval_figures import gap_claims, gap_figure, limits, score_figure
from itr_bench.studies.section import Claim, Figure, Section
from itr_bench.studies.study import Job, Material, Result, Study
from itr_bench.tasks.spec import TASKS, base_task, get_task

# Making the ranks


def conduct(job: Job) -> list[Path]:
    """Rank all images for each text and all texts for each image, in all languages of each set."""
    if job.seeds is not None:
        raise DataError("the study retrieval draws no samples: leave --seeds away")
    work = Work(job, NAME)
    written = []
    for base in dict.fromkeys(task for asked in job.bases for task in tasks(asked)):
        data, pairs = work.pairs(base)
        encoder = work.encoder
        facts = {
            "method": "cosine in fp32, exact",
            "right": "an image and a text that stand together in any tweet",
            "tie": TIE,
            "pictures": digest(sorted(zip(pairs.tweet_ids, pairs.image_keys, strict=True))),
            "encoder": dict(encoder.facts),
        }
        written.append(work.result(encoder.name, base, data, facts, partial(_content, work, pairs)))
    return written


def _content(work: Work, pairs: Pairs) -> dict[str, Any]:
    embedded = work.embedded(pairs)
    with tqdm(total=len(pairs.texts), desc="ranks", disable=None, leave=False) as bar_:
        found = ranks(
            embedded.images,
            embedded.texts,
            pairs.image_keys,
            [text_hash(text) for text in pairs.texts],
            progress=bar_.update,
        )
    return {
        "tweets": list(pairs.tweet_ids),
        "relations": pairs.relations.tolist(),
        "text_to_image": found.text_to_image.tolist(),
        "image_to_text": found.image_to_text.tolist(),
        "right_pairs": found.right_pairs,
        "truncated": embedded.truncated,
    }


# What they show


def analyse(material: Material) -> Section | None:
    """Recall and MRR of each encoder and language, and the gaps between languages."""
    by_encoder, apart = _by_encoder(material.results_of(NAME))
    if not by_encoder:
        return None
    every = [one for ranked in by_encoder.values() for one in ranked]
    figures: list[Figure] = []
    claims: list[Claim] = []
    found: list[Gap] = []
    for title, ranked in by_encoder.items():
        figures.append(score_figure(title, ranked))
        own = gaps(ranked)
        apart += not_compared(ranked)
        if own:
            figures.append(gap_figure(title, own))
            claims += gap_claims(title, own)
            found += own
    return Section(
        paragraphs=(
            "Each text is a query for its image among the images of all tweets of the set, and "
            "each image one for its text. Recall at k is the share of queries with a right answer "
            "among the first k; MRR is the mean of one divided by the rank of the first right one.",
            "An image and a text are right for each other where they stand together in any tweet, "
            "in whichever copy; the best placed right one counts. A wrong candidate that is as "
            "similar as the right one (to "
            f"{TIE:.6f}) stands before it, so that an encoder that tells nothing apart finds "
            "nothing. Intervals resample queries; the candidates stay the same. A recall with "
            f"fewer than {FEW} queries right, or wrong, has the exact binomial interval.",
        ),
        claims=claims,
        figures=figures,
        limits=limits(every, found),
        notices=(
            *notices([(f"{one.result.model}{one.number}", one.result) for one in every]),
            *apart,
        ),
    )


def _by_encoder(results: Sequence[Result]) -> tuple[dict[str, list[Ranked]], list[str]]:
    """The results of each encoder, by its title; and what sets those of one name apart."""
    encoders: dict[str, dict[str, list[Result]]] = {}
    for result in sorted(results, key=lambda one: (one.model, _order(one.task), one.path)):
        by_facts = encoders.setdefault(result.model, {})
        by_facts.setdefault(digest(result.facts.get("encoder")), []).append(result)
    found: dict[str, list[Ranked]] = {}
    groups: list[tuple[str, Sequence[Mapping[str, Any]]]] = []
    for model, by_facts in encoders.items():
        groups.append(
            (
                f"Encoders called {model}",
                [own[0].facts.get("encoder", {}) for own in by_facts.values()],
            )
        )
        for number, own in enumerate(by_facts.values(), 1):
            title = model if len(by_facts) == 1 else f"{model} [{number}]"
            found[title] = []
            for task in dict.fromkeys(one.task for one in own):
                alike = [one for one in own if one.task == task]
                found[title] += [
                    read_ranks(one, f" [{i}]" if len(alike) > 1 else "")
                    for i, one in enumerate(alike, 1)
                ]
                facts = [{"data": one.data, **one.facts} for one in alike]
                groups.append((f"Results of {title} on {task}", facts))
    return found, kept_apart(groups)


def _order(task: str) -> tuple[int, str]:
    """The order of the catalogue: Latvian before English."""
    known = list(TASKS)
    plain = base_task(task).partition("@")[0]
    return (known.index(plain) if plain in known else len(known), task)


def tasks(base: str) -> tuple[str, ...]:
    """The task, and one for each other language in which its set has the texts."""
    own = get_task(base)
    names = {own.language: base}
    for name, other in TASKS.items():
        if other.set_name == own.set_name:
            names.setdefault(other.language, name)
    return tuple(names.values())


STUDY = Study(
    name=NAME,
    title="Retrieval",
    question="Does an encoder find the image of a text and the text of an image, and in which "
    "language better?",
    tasks=tasks,
    analyse=analyse,
    conduct=conduct,
)
