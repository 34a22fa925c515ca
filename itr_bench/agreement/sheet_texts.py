"""The texts of the annotation page, in English and Latvian.

The questions are those of the prompts (Rikters & Marrese-Taylor 2025), the hints follow the
guidelines of Vempala & Preotiuc-Pietro 2019, the scale of fidelity is the adequacy scale of the
Linguistic Data Consortium (2005).
"""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "lv": "Latvian"}

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title_relation": "Text and image of tweets",
        "title_fidelity": "Fidelity of translations",
        "private": "For your own use: the texts and images of tweets must not be passed on. The "
        "exported CSV holds ids and answers only.",
        "no_script": "This page needs JavaScript.",
        "intro": "{n} tweets. Every answer is saved in this browser at once. You can close the "
        "page and continue later, in the same browser and under the same name.",
        "name": "Your name or a pseudonym",
        "start": "Start",
        "progress": "Tweets answered",
        "position": "Tweet {i} of {n}",
        "answered": "{k} answered",
        "image": "Image of the tweet",
        "no_image": "The image cannot be shown:",
        "text": "Tweet",
        "source": "Source text",
        "translation": "Translation",
        "adds": "Is the image adding to the text meaning?",
        "adds_hint": "Yes, if the image holds something for the meaning of the tweet that its "
        "text does not say.",
        "represented": "Is the text represented in the image?",
        "represented_hint": "Yes, if some or all of the content words of the text can be seen in "
        "the image. No, if the text only comments on the image, refers to something in it, "
        "expresses a feeling about it, or has nothing to do with it.",
        "fidelity": "How much of the meaning of the source is in the translation?",
        "fidelity_hint": "Judge the meaning alone, not how fluent the translation is.",
        "yes": "Yes",
        "no": "No",
        "yes_key": "Y",
        "no_key": "N",
        "1": "None",
        "2": "Little",
        "3": "Much",
        "4": "Most",
        "5": "All",
        "back": "Back",
        "next": "Next",
        "open": "First without an answer",
        "clear": "Clear",
        "export": "Export CSV",
        "other": "Another annotator",
        "with_keys": "Answer with keys",
        "keys_relation": "Y yes, N no, ↑ ↓ the other question, ← back, → next, Delete clears.",
        "keys_fidelity": "1 to 5 the rating, ← back, → next, Delete clears.",
        "annotator": "Annotator",
        "saved": "Saved in this browser.",
        "unsaved": "This browser does not save. Export the CSV before you close the page.",
        "done": "All tweets are answered. Export the CSV.",
    },
    "lv": {
        "title_relation": "Tvītu teksts un attēls",
        "title_fidelity": "Tulkojumu precizitāte",
        "private": "Tikai pašu lietošanai: tvītu tekstus un attēlus nedrīkst nodot tālāk. "
        "Eksportētajā CSV ir tikai identifikatori un atbildes.",
        "no_script": "Šai lapai ir nepieciešams JavaScript.",
        "intro": "Tvītu skaits: {n}. Katra atbilde uzreiz tiek saglabāta šajā pārlūkā. Lapu var "
        "aizvērt un vēlāk turpināt tajā pašā pārlūkā ar to pašu vārdu.",
        "name": "Jūsu vārds vai pseidonīms",
        "start": "Sākt",
        "progress": "Atbildētie tvīti",
        "position": "{i}. tvīts no {n}",
        "answered": "atbildēti: {k}",
        "image": "Tvīta attēls",
        "no_image": "Attēlu nevar parādīt:",
        "text": "Tvīts",
        "source": "Avota teksts",
        "translation": "Tulkojums",
        "adds": "Vai šis attēls papildina teksta nozīmi?",
        "adds_hint": "Jā, ja attēls tvīta nozīmei sniedz kaut ko tādu, kā tekstā nav.",
        "represented": "Vai šis teksts tiek pārstāvēts attēlā?",
        "represented_hint": "Jā, ja attēlā ir redzams viss vai daļa no tā, ko teksts nosauc. Nē, "
        "ja teksts attēlu tikai komentē, norāda uz kaut ko tajā, pauž par to jūtas vai ar to nav "
        "saistīts.",
        "fidelity": "Cik daudz no avota teksta nozīmes ir tulkojumā?",
        "fidelity_hint": "Vērtējiet tikai nozīmi, nevis to, cik raits ir tulkojums.",
        "yes": "Jā",
        "no": "Nē",
        "yes_key": "J",
        "no_key": "N",
        "1": "Nekas",
        "2": "Maz",
        "3": "Daudz",
        "4": "Lielākā daļa",
        "5": "Viss",
        "back": "Atpakaļ",
        "next": "Tālāk",
        "open": "Pirmais bez atbildes",
        "clear": "Dzēst",
        "export": "Eksportēt CSV",
        "other": "Cits anotētājs",
        "with_keys": "Atbildēt ar taustiņiem",
        "keys_relation": "J jā, N nē, ↑ ↓ otrs jautājums, ← atpakaļ, → tālāk, Delete dzēš.",
        "keys_fidelity": "1 līdz 5 vērtējums, ← atpakaļ, → tālāk, Delete dzēš.",
        "annotator": "Anotētājs",
        "saved": "Saglabāts šajā pārlūkā.",
        "unsaved": "Šis pārlūks nesaglabā. Pirms aizverat lapu, eksportējiet CSV.",
        "done": "Visi tvīti ir atbildēti. Eksportējiet CSV.",
    },
}
