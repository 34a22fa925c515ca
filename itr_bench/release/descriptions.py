"""What card and Croissant say of the data: once here, so that both say the same.

Texts by family, see :func:`itr_bench.release.metadata.families`. What is not known is left out, or
is "not available".
"""

from __future__ import annotations

TITLE = "Image-Text Relation in Tweets"

DESCRIPTION = (
    "Tweets with a text and one image, each with one of four relations: whether the image adds to "
    "the meaning of the text, and whether the text is represented in the image. For evaluating "
    "vision-language models; there is no training split."
)

COLLECTION = {
    "ltec": (
        "Latvian tweets about food with one image each, from the Latvian Twitter Eater Corpus "
        "(LTEC); the sources name the lists and images that were used."
    ),
    "tirt": (
        "English tweets of Vempala and Preotiuc-Pietro 2019 (TIRT), published as ids and labels; "
        "texts and images were fetched by id, so tweets that were deleted since are missing."
    ),
    "own": "Tweets of the exporter's own list. How they were chosen: not available.",
    "demo": "Made-up tweets and drawn pictures of the package itr-bench.",
}

QUESTIONS = (
    "The relation is the pair of answers to two yes/no questions: whether the image adds to the "
    "meaning of the text, and whether the text is represented in the image (after Vempala and "
    "Preotiuc-Pietro 2019)."
)

ANNOTATION = {
    "ltec": (
        "Who annotated the Latvian tweets, how many annotators a tweet had, and how they were "
        "instructed: not available."
    ),
    "tirt": (
        "The labels of TIRT are the published ones; their annotation is described in the paper "
        "(ACL P19-1272)."
    ),
    "own": (
        "The labels of the exporter's own list are as they stand there; how they came about: not "
        "available."
    ),
    "demo": "The labels of the made-up tweets were made up with them.",
}

LIMITATIONS = (
    "The relations are not equally frequent. Read accuracies beside the majority baseline.",
    "Labels are judgements. The agreement of those who made them is not available here.",
    "Models may have seen the tweets and labels in training.",
)

FOOD = (
    "The Latvian tweets are about food only and come from one corpus; what is measured on them "
    "need not hold for other subjects, languages or times."
)

BALANCED = (
    "The balanced set has 350 tweets: differences of a few percentage points between models are "
    "within the error. Give intervals."
)

ENGLISH = (
    "The English texts are the column that the authors published. Their paper calls them manual "
    "translations; whether every line is the professional translation is not known."
)

TRANSLATION = (
    "Machine translations may be wrong, and are not those of the paper, which were not published."
)

DELETED = (
    "Of TIRT there are only tweets that could still be fetched; sets that were fetched at another "
    "time hold other tweets, and scores on them do not compare as they stand."
)

BIASES = {
    "ltec": (
        "People who write on Twitter in Latvian about food are no sample of all speakers. Which "
        "people, places and dishes are frequent was not examined."
    ),
    "tirt": "Which people, places and subjects are frequent in TIRT was not examined.",
    "own": "Which people, places and subjects are frequent in the own list was not examined.",
    "demo": "Made-up tweets stand for no people.",
}

PERSONAL = (
    "The tweets are public posts of real people. Texts and images can hold user names, names, "
    "faces and places. Do not use them to identify or contact people, nor to train models that "
    "do. Tweets that their authors deleted are to be treated as withdrawn."
)

TAKE_DOWN = (
    "Who wants a tweet removed opens a discussion on the page of this data set, with the id of "
    "the tweet. Only {owner} can act on it. A new version removes nothing from the earlier "
    "revisions: that takes deleting the repository, or rewriting its history and deleting its "
    "large files (huggingface_hub: super_squash_history, permanently_delete_lfs_files). Copies "
    "that others made cannot be called back. `itr-bench data export` leaves no single tweets out."
)

MADE_UP = "The tweets of the demo are made up: no personal data."

USES = (
    "Evaluating vision-language models on the relation of image and text. It is not made for "
    "training, nor for judging people."
)

MAINTENANCE = (
    "Versions are numbered; each says in CHANGELOG.md what it changed, and has a revision of its "
    "own, which is there as long as the owner of the repository keeps it."
)

CHANGES = (
    "Lists, images and translations were joined by tweet id, hashed, and encoded again as "
    "Parquet. Image files are byte for byte as they came."
)

LICENCES = (
    "A licence is given as stated by the publisher of the source, or by the exporter where that "
    "is said. It was not granted by the authors of the tweets; the terms of X apply to texts and "
    "images."
)

CREATORS = {
    "ltec": (("Person", "Matīss Rikters"), ("Person", "Edison Marrese-Taylor")),
    "tirt": (("Person", "Alakananda Vempala"), ("Person", "Daniel Preoţiuc-Pietro")),
    "own": (("Organization", "The exporter of the list"),),
    "demo": (("Organization", "The itr-bench authors"),),
}
"""Who made the data, as schema.org types and names: the authors of the papers."""

BIBTEX = {
    "ltec": r"""@misc{rikters2025imagetext,
  title  = {Image-Text Relation Prediction for Multilingual Tweets},
  author = {Rikters, Mat{\={\i}}ss and Marrese-Taylor, Edison},
  year   = {2025},
  eprint = {2505.05040},
  archivePrefix = {arXiv}
}""",
    "all": r"""@inproceedings{vempala2019categorizing,
  title     = {Categorizing and Inferring the Relationship between the Text and Image of
               {T}witter Posts},
  author    = {Vempala, Alakananda and Preo{\c{t}}iuc-Pietro, Daniel},
  booktitle = {Proceedings of the 57th Annual Meeting of the Association for Computational
               Linguistics},
  year      = {2019},
  url       = {https://aclanthology.org/P19-1272/}
}""",
}
