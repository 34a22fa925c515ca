"""The same results as CSV, JSON and BibTeX."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.schema import DECIMALS
from itr_bench.leaderboard.site.board import Board, Group
from itr_bench.leaderboard.site.model_page import ModelResults
from itr_bench.leaderboard.site.rows import Row

JSON_ONLY = ("remark", "training", "confusion", "recall", "unchecked")
"""The fields that the CSV leaves out."""

_TEX = str.maketrans({
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", '"': "{''}",
})  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

_PAPERS = """\
@misc{rikters2025imagetext,
  title = {Image-Text Relation Prediction for Multilingual Tweets},
  author = {Rikters, Mat{\\=\\i}ss and Marrese-Taylor, Edison},
  year = {2025},
  eprint = {2505.05040},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2505.05040}
}

@inproceedings{vempala2019categorizing,
  title = {Categorizing and Inferring the Relationship between the Text and Image of
           {Twitter} Posts},
  author = {Vempala, Alakananda and Preo{\\c t}iuc-Pietro, Daniel},
  booktitle = {Proceedings of the 57th Annual Meeting of the Association for Computational
               Linguistics},
  year = {2019},
  url = {https://aclanthology.org/P19-1272/}
}
"""


def results_csv(boards: Sequence[Board]) -> str:
    """All rows of all boards. Shares are between 0 and 1; what is not available is empty.

    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    rows = [
        {name: _cell(value) for name, value in row.items() if name not in JSON_ONLY}
        for row in _rows(boards)
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def results_json(boards: Sequence[Board], *, trial: bool) -> str:
    """The same rows, a line each, with what could not be checked."""
    rows = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in _rows(boards)]
    head = f'{{"format": 1, "trial": {json.dumps(trial)}, "results": [\n'
    return head + ",\n".join(rows) + "\n]}\n"


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, list):
        return " ".join(value)
    return value


def _rows(boards: Sequence[Board]) -> Iterator[dict[str, Any]]:
    for board in boards:
        for number, group in enumerate((board.main, *board.others)):
            name = "main" if number == 0 else f"other {number}"
            for row in group.rows:
                yield _row(row, group, name)
            for row in group.trained:
                yield _row(row, group, f"{name}, trained on this data")
            for row in group.fine_tuned:
                yield _row(row, group, f"{name}, fine-tuned with cross-validation")
    # On several boards, and yet one figure each.
    unplaced = {id(one.figure): one for board in boards for one in board.unplaced}
    for one in unplaced.values():
        row = Row(
            kind="published",
            name=one.model.name,
            task="",
            organisation=one.model.organisation,
            folder=one.model.folder,
            accuracy=None if one.figure.accuracy is None else one.figure.accuracy / 100,
            sd=None if one.figure.deviation is None else one.figure.deviation / 100,
            parameters=one.model.parameters,
            open_weights=one.model.open_weights,
            source=one.source,
            remark=one.figure.remark,
        )
        yield {**_row(row, None, "text not known"), "among": list(one.possible)}


def _row(row: Row, group: Group | None, name: str) -> dict[str, Any]:
    entry = row.entry
    run = entry.submission.run if entry else None
    card = entry.submission.model if entry else None
    score = entry.score if entry else None
    claimed = entry.submission.score if entry else None
    without = row.without_image.interval if row.without_image else None
    training = row.training
    in_score = ("macro_f1", "adds_accuracy", "represented_accuracy")
    return {
        "task": row.task,
        "among": None,
        "group": name,
        "kind": row.kind,
        "model": row.name,
        "organisation": row.organisation,
        "id": card.id if card else row.folder and row.folder.replace("__", "/", 1),
        "state": row.state,
        "answers": row.answer_format,
        "accuracy": row.accuracy,
        "interval_low": row.interval[0] if row.interval else None,
        "interval_high": row.interval[1] if row.interval else None,
        "accuracy_sd": row.sd,
        "unparseable_rate": row.unparseable,
        **{name: getattr(score or claimed, name, None) for name in in_score},
        "accuracy_without_image": row.accuracy_without_image,
        "interval_low_without_image": without[0] if without else None,
        "interval_high_without_image": without[1] if without else None,
        "settings_without_image": ("other" if row.without_image_unlike else "same")
        if row.without_image
        else None,
        "tweets": row.tweets,
        "samples": row.samples,
        "against_chance": row.sides.chance.value if row.sides else None,
        "against_majority": row.sides.majority.value if row.sides else None,
        "tier": row.tier,
        "parameters": row.parameters,
        "open_weights": row.open_weights,
        "licence": card.licence if card else None,
        "saw_this_data": card.saw_this_data if card else None,
        "saw_this_data_before": card.base_saw_this_data if card else None,
        "accuracy_untrained": row.accuracy_untrained,
        "fine_tuned_on": training.languages if training else None,
        "adapt": training.adapt if training else None,
        "folds": training.folds if training else None,
        "share": training.share / 100 if training else None,
        "steps": training.steps if training else None,
        "submitted": row.submitted,
        "released": row.released,
        "badge": row.badge.value if row.badge else None,
        "version": (group.version if group else None) if entry else None,
        "data": run.data if run else None,
        "source": row.source.address if row.source else entry.path if entry else None,
        "signature": run.signature if run else None,
        "remark": row.remark,
        "training": training.model_dump(mode="json", exclude_none=True) if training else None,
        "confusion": score.confusion if score else None,
        "recall": score.recall if score else None,
        "unchecked": list(entry.unchecked) if entry else None,
    }


def bibliography(models: Iterable[ModelResults]) -> str:
    """The two papers, and one entry a submission."""
    keys: set[str] = set()
    entries = [_bib_entry(entry, keys) for model in models for entry in model.entries]
    return "\n".join([_PAPERS, *entries])


def _bib_entry(entry: Entry, keys: set[str]) -> str:
    submission = entry.submission
    card, run = submission.model, submission.run
    words = "" if submission.training is None else submission.training.words
    tuned = words and f"-{_plain(words)}"
    of_training = words and f", fine-tuned on {_tex(words)}"
    wanted = f"{_plain(card.id)}-{_plain(card.state)[:12]}{tuned}-{_plain(run.task)}"
    key, number = wanted, 2
    while key in keys:
        key, number = f"{wanted}-{number}", number + 1
    keys.add(key)
    lines = [
        f"@misc{{{key},",
        f"  title = {{{_tex(card.name)} on {_tex(run.task)}{of_training}}},",
        f"  author = {{{{{_tex(card.submitter.name)}}}}},",
        f"  year = {{{submission.submitted[:4]}}},",
        f"  note = {{Submission to the leaderboard of itr-bench, state {_tex(card.state)}, "
        f"{entry.badge.value}}}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return re.sub(r"[^A-Za-z0-9]", "-", decomposed).strip("-").lower()


def _tex(text: str) -> str:
    """Text in which nothing is a command of TeX or ends a field of BibTeX."""
    return text.translate(_TEX)
