"""The published sources, each pinned to a revision, and fetching them.

LTEC: Rikters & Marrese-Taylor 2025 (arXiv:2505.05040). The images are on the Hugging Face Hub,
the lists with the English text in the authors' repository. Whether every line of the English
column is the professional translation of the paper is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from itr_bench.data.home import home, writing
from itr_bench.data.image_sources import ImageSource
from itr_bench.errors import DataError

TIMEOUT_S = 20


@dataclass(frozen=True)
class ListSource:
    """A tweet list of the authors."""

    url: str
    revision: str
    sha256: str
    licence: str = "Apache-2.0"

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "what": "tweet list",
            "name": self.url.rsplit("/", 1)[-1],
            "url": self.url,
            "revision": self.revision,
            "sha256": self.sha256,
            "licence": self.licence,
        }


_REPOSITORY = "https://raw.githubusercontent.com/M4t1ss/worldcuisines"
_EVAL = "e8e65aba8739b76d153a46421b9052d130663653"
_HEAD = "311100c33984b168ac85da7e4a3874a7955a1c93"

LISTS: Mapping[str, ListSource] = {
    "ltec": ListSource(
        f"{_REPOSITORY}/{_EVAL}/evaluation/eval.tsv",
        _EVAL,
        "2f96eff5b6590a7cab2947e9907a89f4ac92e5da42259ac0d3d991e4c152f66e",
    ),
    "ltec_full": ListSource(
        f"{_REPOSITORY}/{_HEAD}/evaluation/data.tsv",
        _HEAD,
        "e32b2a1998d9aa5ab3e9f89bdf764c5a9f2dbaca3cc8278983f306f084998d66",
    ),
}

IMAGES_REPO = "matiss/Latvian-Twitter-Eater-Corpus-Images"
IMAGES_REVISION = "34913c0b72f518138d0851f92c404084f1d29db1"


def _offline(what: str, name: str, error: BaseException) -> DataError:
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    reason = " ".join(str(cause).split())[:160]
    return DataError(
        f"{what} cannot be fetched ({type(cause).__name__}: {reason}), and the data set "
        f"{name!r} is not in the cache at {home()}.\n"
        "Try again with a network; or build it on a machine that has one, in an ITR_BENCH_HOME "
        "that both can read; or from files:\n"
        f"    itr-bench data build {name} --tweets FILE.tsv --images FOLDER_OR_ZIP"
    )


def fetch_list(name: str) -> Path:
    """Return the authors' tweet list for set *name*, fetched on first use, its hash checked.

    Raises:
        DataError: no network, or what came has another SHA-256 than it had when it was pinned.
    """
    import pooch
    import requests

    source = LISTS[name]
    folder = home() / "downloads"
    pooch.get_logger().setLevel("WARNING")
    try:
        with writing(f"the tweet list {source.facts['name']}"):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return Path(
                    pooch.retrieve(
                        source.url,
                        known_hash=f"sha256:{source.sha256}",
                        fname=f"{source.sha256[:12]}-{source.facts['name']}",
                        path=folder,
                        downloader=pooch.HTTPDownloader(timeout=TIMEOUT_S),
                    )
                )
            except requests.RequestException as error:  # an OSError, but not of the disk
                raise _offline(f"The tweet list {source.url}", name, error) from error
    except ValueError as error:
        raise DataError(
            f"{source.url} has changed: its SHA-256 is not {source.sha256}. Nothing was kept. "
            f"({error})"
        ) from error


class HubImages(ImageSource):
    """The images of LTEC at the pinned revision, with the labels and texts beside them."""

    kind = "hub"

    def __init__(self, name: str, repo: str = IMAGES_REPO, revision: str | None = IMAGES_REVISION):
        """Fetch the images for set *name*; with HF_HUB_OFFLINE set, from the Hub's own cache.

        Args:
            name: the set they are for, to be named in errors.
            repo: repository on the Hub, or a local folder in its layout.
            revision: the pinned commit; ``None`` for a local folder.

        Raises:
            DataError: no network.
        """
        super().__init__(
            {
                "what": "images",
                "name": repo,
                "url": f"https://huggingface.co/datasets/{repo}",
                "revision": revision,
                "licence": "MIT",
            }
        )
        import datasets
        from huggingface_hub import constants

        if not Path(repo).is_dir() and not constants.HF_HUB_OFFLINE:
            _reach_hub(name, repo, revision)
        try:
            rows = datasets.load_dataset(repo, split="test", revision=revision)
        except Exception as error:  # the Hub's client has no common base class of its errors
            raise _offline(f"The images of {repo}", name, error) from error
        missing = {"image", "relation", "tweet_id", "text"} - set(rows.column_names)
        if missing:
            raise DataError(
                f"{repo} at {revision}: no column {sorted(missing)}, found {rows.column_names}"
            )
        self._rows = rows.cast_column("image", datasets.Image(decode=False))
        ids = [str(tweet) for tweet in rows["tweet_id"]]
        self._row = {tweet: i for i, tweet in enumerate(ids)}
        if len(self._row) != len(ids):
            raise DataError(f"{repo} at {revision}: a tweet id stands twice")
        self.labels = dict(zip(ids, map(str, rows["relation"]), strict=True))
        self.texts = dict(zip(ids, map(str, rows["text"]), strict=True))

    def ids(self) -> frozenset[str] | None:
        return frozenset(self._row)

    def read(self, tweet_id: str) -> tuple[bytes, str]:
        image = self._rows[self._row[tweet_id]]["image"]
        # A member of a zip file has the path "zip://NAME::/PATH/TO/ZIP".
        name = PurePosixPath((image["path"] or f"{tweet_id}.jpg").split("::")[0]).name
        if image["bytes"] is not None:
            return image["bytes"], name
        try:
            with fsspec.open(image["path"], "rb") as file:
                return file.read(), name
        except OSError as error:
            raise DataError(f"{self.facts['name']}, {name}: cannot be read ({error})") from error


def _reach_hub(name: str, repo: str, revision: str | None) -> None:
    """Fail at once where there is no network: `load_dataset` retries for over a minute."""
    from huggingface_hub import HfApi

    try:
        HfApi().dataset_info(repo, revision=revision, timeout=TIMEOUT_S)
    except Exception as error:  # the Hub's client has no common base class of its errors
        raise _offline(f"The images of {repo}", name, error) from error
