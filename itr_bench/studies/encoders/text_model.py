"""A linear model that reads the text alone: TF-IDF of characters and words, logistic regression.

Trained and tuned inside a set by nested cross-validation: the prediction about a tweet comes from a
model that saw neither it nor a tweet with its image or text, in its weights, its vocabulary or the
choice of its strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.data.checkpoints import require
from itr_bench.data.folds import make_folds
from itr_bench.errors import DataError

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""The values of C of which one is chosen, by the log loss on the inner folds."""

FEATURES: tuple[dict[str, Any], ...] = (
    {"analyzer": "char_wb", "ngram_range": (2, 4)},
    {"token_pattern": r"\S+", "ngram_range": (1, 2)},
)
"""What is counted: two blocks, each weighted by TF-IDF with sublinear counts, lower case."""


def text_model_metadata() -> dict[str, Any]:
    """All that can change what the model says, for JSON.

    Raises:
        DataError: scikit-learn is not there.
    """
    require("the linear model of the text", "sklearn")
    return {
        "method": "TF-IDF of characters and words of the text, logistic regression",
        "features": [{**kind, "ngram_range": list(kind["ngram_range"])} for kind in FEATURES],
        "strengths": list(STRENGTHS),
        "libraries": {library: version(library) for library in ("scikit-learn", "scipy", "numpy")},
    }


class TextModel:
    """The model over the texts of one set.

    Args:
        texts: one a tweet, as models are shown them.

    Raises:
        DataError: no text has a character in it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        if not any(text.strip() for text in texts):
            raise DataError("all texts are empty without their links: nothing to learn from")
        self._counts = [CountVectorizer(**kind).fit_transform(texts) for kind in FEATURES]

    def features(self, train: NDArray[np.int64], other: NDArray[np.int64]) -> tuple[Any, Any]:
        """Return the TF-IDF features of both, as sparse matrices of one row a tweet.

        Weights and vocabulary are those of *train*, as if nothing else had been counted.

        Raises:
            DataError: no text of *train* has a character in it.
        """
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfTransformer

        blocks = []
        for counts in self._counts:
            seen = np.unique(counts[train].indices)
            if not len(seen):
                raise DataError(
                    "all texts outside one of the folds are empty without their links: nothing to "
                    "learn from"
                )
            weighting = TfidfTransformer(sublinear_tf=True).fit(counts[train][:, seen])
            blocks.append([weighting.transform(counts[rows][:, seen]) for rows in (train, other)])
        of_train, of_other = (hstack(parts, format="csr") for parts in zip(*blocks, strict=True))
        return of_train, of_other

    def coordinates(
        self, train: NDArray[np.int64], other: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return :meth:`features` in the space that *train* spans, as dense rows.

        A regression with an L2 penalty sees inner products with *train* only, so it finds the same
        there, in hundreds of dimensions in place of tens of thousands and ten times as fast.
        """
        of_train, of_other = self.features(train, other)
        products = (of_train @ of_train.T).toarray()
        values, vectors = np.linalg.eigh(products)
        kept = values > 1e-10 * values[-1]
        basis = vectors[:, kept] / np.sqrt(values[kept])
        return products @ basis, (of_other @ of_train.T).toarray() @ basis

    def predict(
        self,
        answers: NDArray[np.bool_],
        relations: NDArray[np.int8],
        groups: NDArray[np.int64],
        names: Sequence[str],
        fold_of: NDArray[np.int64],
        seed: int,
    ) -> NDArray[np.bool_]:
        """Return the predictions about each tweet by the model that was trained without its fold.

        Args:
            answers: the right ones, shape (Q, T) for Q questions.
            relations, groups, names: as for :func:`itr_bench.data.folds.make_folds`.
            fold_of: the outer folds, shape (T,).
            seed: of the inner folds.

        Returns:
            Answers, shape (Q, T).

        Raises:
            DataError: a relation has too few tweets for inner folds.
        """
        predicted = np.empty_like(answers)
        for fold in np.unique(fold_of):
            train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
            inner = _inner_folds(train, relations, groups, names, len(np.unique(fold_of)), seed)
            chosen = self._tune(answers, train, inner)
            of_train, of_test = self.coordinates(train, test)
            for question, strength in enumerate(chosen):
                model = _regression(strength).fit(of_train, answers[question, train])
                predicted[question, test] = model.predict(of_test)
        return predicted

    def _tune(
        self, answers: NDArray[np.bool_], train: NDArray[np.int64], inner: NDArray[np.int64]
    ) -> list[float]:
        """The strength for each question that has the lowest log loss on the inner folds."""
        loss = np.zeros((len(answers), len(STRENGTHS)))
        for fold in np.unique(inner):
            fitted, held = train[inner != fold], train[inner == fold]
            of_fitted, of_held = self.coordinates(fitted, held)
            for question, right in enumerate(answers):
                for i, strength in enumerate(STRENGTHS):
                    model = _regression(strength).fit(of_fitted, right[fitted])
                    margin = model.decision_function(of_held)
                    loss[question, i] += np.logaddexp(
                        0, np.where(right[held], -margin, margin)
                    ).sum()
        return [STRENGTHS[i] for i in loss.argmin(axis=1)]


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1000)


def _inner_folds(
    train: NDArray[np.int64],
    relations: NDArray[np.int8],
    groups: NDArray[np.int64],
    names: Sequence[str],
    most: int,
    seed: int,
) -> NDArray[np.int64]:
    kinds = np.unique(relations[train])
    having = {int(r): len(np.unique(groups[train][relations[train] == r])) for r in kinds}
    rarest = min(having, key=lambda relation: having[relation])
    if having[rarest] < 2:
        raise DataError(
            f"relation {rarest} has {having[rarest]} tweet of its own outside a fold, expected 2 "
            "or more to tune the text model by nested cross-validation: take the whole set, or "
            "fewer folds"
        )
    return make_folds(
        relations[train],
        groups[train],
        [names[i] for i in train],
        min(most, having[rarest]),
        seed,
    )
