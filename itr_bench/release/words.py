"""What card and Croissant say of the data: once here, so that both say the same.

What is not known is not said, or is "not available".
"""

from __future__ import annotations

TITLE = "Image-Text Relation in Multilingual Tweets"

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
    "demo": "Made-up tweets and drawn pictures of the package itr-bench.",
}

ANNOTATION = (
    "Two yes/no questions were asked of each tweet: whether the image adds to the meaning of the "
    "text, and whether the text is represented in the image (Vempala and Preotiuc-Pietro 2019). "
    "The pair of answers is the relation. Who annotated the tweets, how many annotators a tweet "
    "had, and how they were instructed: not available."
)

LIMITATIONS = (
    "The Latvian tweets are about food only and come from one corpus; what is measured on them "
    "need not hold for other subjects, languages or times.",
    "The balanced set has 350 tweets: differences of a few points between models are within the "
    "error. Give intervals.",
    "The relations are not equally frequent. Read accuracies beside the majority baseline.",
    "Labels are judgements. The agreement of the annotators of the published labels is not "
    "available.",
    "Texts, images and labels are public: models may have seen them in training.",
    "The English texts are the column that the authors published. Their paper calls them manual "
    "translations; whether every line is the professional translation is not known.",
)

TRANSLATION = (
    "Machine translations may be wrong, and are not those of the paper, which were not published."
)

BIASES = (
    "People who write on Twitter in Latvian about food are no sample of all speakers. Which "
    "people, places and dishes are frequent was not examined."
)

PERSONAL = (
    "The tweets are public posts of real people. Texts and images can hold user names, names, "
    "faces and places. Do not use them to identify or contact people, nor to train models that "
    "do. Who wants a tweet removed opens a discussion on the page of this data set, or an issue "
    "in the repository of itr-bench, with the id of the tweet; the next version is made without "
    "it. Tweets that their authors deleted are to be treated as withdrawn."
)

USES = (
    "Evaluating vision-language models on the relation of image and text. It is not made for "
    "training, nor for judging people."
)

MAINTENANCE = (
    "Versions are numbered; each says in CHANGELOG.md what it changed, and stays available under "
    "its revision."
)

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
