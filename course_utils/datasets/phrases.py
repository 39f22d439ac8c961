"""Sentences made from rules: lists of numbers in four languages, and what is seen in a Toyland scene of two things.

Deterministic by seed. A sentence is a list of words. `Vocabulary` turns sentences into rows of numbers and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from course_utils.datasets import toyland
from course_utils.datasets.toyland_drawings import Dice
from course_utils.runtime import check_choice, check_int

Sentence = list[str]

PAD, START, END = 0, 1, 2  # numbers of the words that are none: behind a sentence, before it, at its end

_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_GERMAN = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
).split()
_GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
_FRENCH = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf"
).split()
_FRENCH_TENS = "vingt trente quarante cinquante soixante".split()
_CHINESE = "líng yī èr sān sì wǔ liù qī bā jiǔ shí".split()

SOURCE = "English"
LANGUAGES = ("German", "French", "Chinese")


class Vocabulary:
    """The words that may occur, each with its number; 0, 1 and 2 are taken by `PAD`, `START` and `END`.

    Args:
        sentences: lists of words; each different word gets a number, in the order of the alphabet.
    """

    def __init__(self, sentences: Iterable[Sentence]):
        self.words = ("<pad>", "<start>", "<end>", *sorted({word for sentence in sentences for word in sentence}))
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentences: Sequence[Sentence]) -> torch.Tensor:
        """Sentences as int64 (N, T): each ends with END, and PAD fills it up to the longest.

        Raises:
            ValueError: a word that is not in the vocabulary.
        """
        unknown = {word for sentence in sentences for word in sentence} - set(self._numbers)
        if unknown:
            raise ValueError(f"sentences must use words of this vocabulary, got {', '.join(sorted(unknown))}")
        rows = [torch.tensor([*(self._numbers[word] for word in sentence), END]) for sentence in sentences]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)

    def decode(self, rows: torch.Tensor) -> list[Sentence]:
        """The sentences that rows (N, T) say, each up to its first END."""
        sentences = []
        for row in rows.tolist():
            row = row[: row.index(END)] if END in row else row
            sentences.append([self.words[number] for number in row])
        return sentences


# --- numbers in words -------------------------------------------------------------------------------------------------


@cache
def _number_words(number: int, language: str) -> tuple[str, ...]:
    tens, units = divmod(number, 10)
    if language == SOURCE:
        if number < 20:
            return (_ENGLISH[number],)
        return (_ENGLISH_TENS[tens - 2], *((_ENGLISH[units],) if units else ()))
    if language == "German":
        if number < 20:
            return (_GERMAN[number],)
        last = _GERMAN_TENS[tens - 2]
        return (last,) if units == 0 else ("ein" if units == 1 else _GERMAN[units], "und", last)
    if language == "Chinese":
        if number <= 10:
            return (_CHINESE[number],)
        first = () if tens == 1 else (_CHINESE[tens],)
        return (*first, _CHINESE[10], *((_CHINESE[units],) if units else ()))
    if number < 20:  # what is left is French
        return tuple(_FRENCH[number].split("-"))
    if number == 80:
        return ("quatre", "vingts")
    if number > 80:  # four twenties and the rest
        return ("quatre", "vingt", *_FRENCH[number - 80].split("-"))
    base, rest = (60, number - 60) if number >= 60 else (10 * tens, units)
    first = _FRENCH_TENS[base // 10 - 2]
    link = ("et",) if rest in (1, 11) else ()
    return (first, *link, *(_FRENCH[rest].split("-") if rest else ()))


def number_words(number: int, language: str) -> Sentence:
    """A number from 0 to 99 in words, cut into the parts that languages put together: 47 is `sieben und vierzig`.

    German writes such a number as one word and French with hyphens. Chinese is given in pinyin.

    Args:
        number: 0 to 99.
        language: 'English', 'German', 'French' or 'Chinese'.
    """
    check_int("number", number, 0, 99)
    return list(_number_words(int(number), check_choice("language", language, (SOURCE, *LANGUAGES))))


def list_words(numbers: Sequence[int], language: str) -> Sentence:
    """Several numbers in words, with a comma between them. Arguments as for `number_words`."""
    words = [(",", *number_words(number, language)) for number in numbers]
    return [word for part in words for word in part][1:]


class Pairs(NamedTuple):
    """N sentences and their translations; a source begins with the language that is asked for, as in 'German:'."""

    sources: list[Sentence]
    targets: list[Sentence]
    languages: list[str]


def number_lists(
    count: int, length: int, seed: int = 0, split: str = "train", languages: Sequence[str] = LANGUAGES
) -> Pairs:
    """English lists of numbers with their translations, drawn at random.

    Args:
        count: how many lists.
        length: numbers in each.
        seed: any integer from 0; each split of it is a stream of its own.
        split: 'train', 'validation' or 'test'.
        languages: of the translations, each drawn equally often.

    Returns:
        `Pairs`. The same arguments give the same sentences everywhere.
    """
    check_int("count", count, 1)
    check_int("length", length, 1)
    for language in languages:
        check_choice("languages", language, LANGUAGES)
    stream = toyland.SPLITS.index(check_choice("split", split, toyland.SPLITS))
    dice = Dice(check_int("seed", seed, 0), stream, length)
    pairs = Pairs([], [], [])
    for _ in range(count):
        language = dice.pick(languages)
        numbers = [dice.below(100) for _ in range(length)]
        pairs.sources.append([f"{language}:", *list_words(numbers, SOURCE)])
        pairs.targets.append(list_words(numbers, language))
        pairs.languages.append(language)
    return pairs


def number_vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """The vocabularies of `number_lists`: of all sources, and of all targets in every language."""
    tags = [[f"{language}:"] for language in LANGUAGES]
    sources = [number_words(number, SOURCE) for number in range(100)]
    targets = [number_words(number, language) for number in range(100) for language in LANGUAGES]
    return Vocabulary([*tags, [","], *sources]), Vocabulary([[","], *targets])


# --- what is seen in a scene ------------------------------------------------------------------------------------------

CAPTION_CLASSES = ("cat", "car", "frog", "bicycle", "person", "tree")
CAPTION_COLORS = {  # the classes whose color is named
    "cat": ("black", "cream", "grey", "orange"),
    "car": ("blue", "green", "red", "white", "yellow"),
}


class Described(NamedTuple):
    """N pictures of two things: images float32 (N, 3, H, W), sentences, boxes (N, 2, 4) in the order of naming."""

    images: torch.Tensor
    sentences: list[Sentence]
    boxes: torch.Tensor


def thing_words(name: str, color: str) -> Sentence:
    """A thing with its article: `a tree`; with its color, where its class is one whose color is named: `a red car`."""
    words = [color, name] if name in CAPTION_COLORS else [name]
    return ["an" if words[0][0] in "aeiou" else "a", *words]


def scene_words(names: Sequence[str], colors: Sequence[str], boxes: np.ndarray) -> tuple[Sentence, tuple[int, int]]:
    """Two things and how they lie, in reading order: `a red car left of a tree`.

    The thing whose centre is nearer to the upper left, by x + y, is named first. The second lies to the right of it or
    below it, whichever distance is greater: `left of` or `above`.

    Args:
        names, colors: of two things.
        boxes: (2, 4), xyxy.

    Returns:
        The sentence, and the indices of the things in the order of naming.
    """
    centers = (np.asarray(boxes, dtype=float)[:, :2] + np.asarray(boxes, dtype=float)[:, 2:]) / 2
    if centers.shape != (2, 2) or len(names) != 2 or len(colors) != 2:
        raise ValueError(f"names, colors and boxes must describe two things, got {len(names)}, {len(colors)}")
    first, second = np.argsort(centers.sum(axis=1), kind="stable").tolist()
    right, down = centers[second] - centers[first]
    relation = ["left", "of"] if right > down else ["above"]
    sentence = [*thing_words(names[first], colors[first]), *relation, *thing_words(names[second], colors[second])]
    return sentence, (first, second)


def described_scenes(
    count: int, size: int = 64, seed: int = 0, split: str = "train", mirrored: bool = False
) -> Described:
    """Toyland's scenes with two things of `CAPTION_CLASSES` and the sentence that describes each.

    Scenes in which it is hard to say whether the things lie beside or above one another are left out: the two distances
    of their centres must differ by at least a tenth of the picture.

    Args:
        count: scenes to render; four fifths or so are kept.
        size, seed, split: as for `toyland.scenes`. Things are 5 to 9 sixteenths of the picture large.
        mirrored: give all pictures once more, behind the others, with left and right exchanged and described anew.
    """
    sizes = (size * 5 // 16, size * 9 // 16)
    kept = []
    for scene in toyland.scenes(
        count, size, seed, split=split, classes=CAPTION_CLASSES, objects=(2, 2), object_sizes=sizes, occlusion=False
    ):
        apart = np.abs(np.diff((scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2, axis=0)[0])
        if abs(apart[0] - apart[1]) >= size / 10:
            kept.append(scene)
    images, sentences, boxes = torch.from_numpy(toyland.batch(kept)), [], []
    for exchanged in (False, True) if mirrored else (False,):
        for scene in kept:
            corners = scene.boxes.copy()
            if exchanged:
                corners[:, [0, 2]] = size - corners[:, [2, 0]]
            names = [toyland.CLASSES[label] for label in scene.labels]
            sentence, order = scene_words(names, [thing["color"] for thing in scene.attributes], corners)
            sentences.append(sentence)
            boxes.append(corners[list(order)])
    if mirrored:
        images = torch.cat([images, images.flip(3)])
    return Described(images, sentences, torch.from_numpy(np.stack(boxes)))


def caption_vocabulary() -> Vocabulary:
    """The words of `described_scenes`."""
    things = [thing_words(name, color) for name in CAPTION_CLASSES for color in CAPTION_COLORS.get(name, ("",))]
    return Vocabulary([*things, ["left", "of", "above"]])
