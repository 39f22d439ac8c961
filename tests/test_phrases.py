"""Sentences made from rules: numbers in words, round trips, scenes against their truth; BLEU against sacrebleu."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from course_utils import metrics
from course_utils.datasets import phrases, toyland

# --- numbers in words -------------------------------------------------------------------------------------------------

SPELLED = {  # written down from grammars, not from the code
    "English": "0 zero / 7 seven / 12 twelve / 19 nineteen / 20 twenty / 47 forty seven / 70 seventy / 99 ninety nine",
    "German": "0 null / 1 eins / 12 zwölf / 16 sechzehn / 17 siebzehn / 20 zwanzig / 21 ein und zwanzig / "
    "30 dreißig / 47 sieben und vierzig / 66 sechs und sechzig / 90 neunzig / 99 neun und neunzig",
    "French": "0 zéro / 16 seize / 17 dix sept / 20 vingt / 21 vingt et un / 22 vingt deux / 47 quarante sept / "
    "60 soixante / 61 soixante et un / 69 soixante neuf / 70 soixante dix / 71 soixante et onze / "
    "72 soixante douze / 79 soixante dix neuf / 80 quatre vingts / 81 quatre vingt un / 90 quatre vingt dix / "
    "91 quatre vingt onze / 97 quatre vingt dix sept / 99 quatre vingt dix neuf",
    "Chinese": "0 líng / 4 sì / 10 shí / 11 shí yī / 14 shí sì / 20 èr shí / 40 sì shí / 47 sì shí qī / 99 jiǔ shí jiǔ",
}
CASES = [(language, *line.strip().split(" ", 1)) for language, lines in SPELLED.items() for line in lines.split(" / ")]


@pytest.mark.parametrize(("language", "number", "words"), CASES)
def test_numbers_are_spelled_as_in_the_grammar(language, number, words):
    assert phrases.number_words(int(number), language) == words.split()


@pytest.mark.parametrize("language", SPELLED)
def test_a_hundred_numbers_have_a_hundred_names(language):
    names = {tuple(phrases.number_words(number, language)) for number in range(100)}
    assert len(names) == 100 and all(name and "," not in name for name in names)


def test_german_says_the_units_first():
    for number in range(21, 100):
        if number % 10:
            german = phrases.number_words(number, "German")
            assert german[1:] == ["und", *phrases.number_words(number - number % 10, "German")]


def test_a_list_has_commas_between():
    assert phrases.list_words([21, 3, 80], "French") == "vingt et un , trois , quatre vingts".split()
    assert phrases.list_words([5], "English") == ["five"]


def read_english(words: list[str]) -> list[int]:
    """The numbers of an English list, by looking each up."""
    table = {" ".join(phrases.number_words(number, "English")): number for number in range(100)}
    return [table[part.strip()] for part in " ".join(words).split(",")]


@pytest.mark.parametrize("split", toyland.SPLITS)
def test_pairs_say_the_same_numbers(split):
    pairs = phrases.number_lists(30, 4, seed=3, split=split)
    for source, target, language in zip(*pairs, strict=True):
        assert source[0] == f"{language}:" and language in phrases.LANGUAGES
        numbers = read_english(source[1:])
        assert len(numbers) == 4 and phrases.list_words(numbers, language) == target


FIRST_LIST = "French: twenty three , eighty eight , sixty eight"


def test_lists_are_the_same_every_time_and_differ_between_splits_seeds_and_lengths():
    first = phrases.number_lists(20, 3)
    assert first == phrases.number_lists(20, 3) and first.sources[:5] == phrases.number_lists(5, 3).sources
    assert " ".join(first.sources[0]) == FIRST_LIST
    others = [phrases.number_lists(20, 3, seed=1), phrases.number_lists(20, 3, split="test")]
    assert all(other.sources != first.sources for other in others)
    assert set(phrases.number_lists(20, 2, languages=["French"]).languages) == {"French"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phrases.number_words(100, "German"), "number must be an integer from 0 to 99, got 100"),
        (lambda: phrases.number_words(1, "Dutch"), "language must be one of 'English', .* got 'Dutch'"),
        (lambda: phrases.number_lists(0, 1), "count must be an integer of at least 1, got 0"),
        (lambda: phrases.number_lists(1, 0), "length must be an integer of at least 1, got 0"),
        (lambda: phrases.number_lists(1, 1, split="dev"), "split must be one of"),
        (lambda: phrases.number_lists(1, 1, languages=["English"]), "languages must be one of 'German'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- vocabularies -----------------------------------------------------------------------------------------------------


def test_encode_and_decode_are_inverses():
    source, target = phrases.number_vocabularies()
    pairs = phrases.number_lists(40, 3, seed=5)
    for vocabulary, sentences in ((source, pairs.sources), (target, pairs.targets)):
        rows = vocabulary.encode(sentences)
        assert rows.dtype == torch.int64 and (rows == phrases.END).sum() == 40
        assert rows.shape[1] == max(map(len, sentences)) + 1
        assert vocabulary.decode(rows) == sentences


def test_vocabularies_hold_every_word_once():
    source, target = phrases.number_vocabularies()
    assert len(source) == 3 + 3 + 1 + 20 + 8  # marks, languages, comma, 0 to 19, tens
    assert len(set(target.words)) == len(target) and "shí" in target.words and "siebzehn" in target.words
    assert source.words[:3] == ("<pad>", "<start>", "<end>")


def test_unknown_words_are_named():
    with pytest.raises(ValueError, match="words of this vocabulary, got eleventy, umpteen"):
        phrases.Vocabulary([["one"]]).encode([["one", "umpteen"], ["eleventy"]])


# --- scenes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "sentence", "order"),
    [
        ([[0, 0, 10, 10], [20, 5, 30, 15]], "a red car left of a tree", (0, 1)),
        ([[20, 5, 30, 15], [0, 0, 10, 10]], "a tree left of a red car", (1, 0)),
        ([[5, 0, 15, 10], [0, 30, 10, 40]], "a red car above a tree", (0, 1)),
        ([[20, 0, 30, 10], [0, 5, 10, 15]], "a tree left of a red car", (1, 0)),  # further left, a little lower
    ],
)
def test_scene_by_hand(boxes, sentence, order):
    assert phrases.scene_words(["car", "tree"], ["red", "green"], boxes) == (sentence.split(), order)


def test_articles_and_colors():
    assert phrases.thing_words("cat", "orange") == ["an", "orange", "cat"]
    assert phrases.thing_words("frog", "green") == ["a", "frog"]
    with pytest.raises(ValueError, match="must describe two things"):
        phrases.scene_words(["cat"], ["black"], [[0, 0, 1, 1]])


@pytest.fixture(scope="module")
def scenes():
    return toyland.scenes(
        24, 64, 2, classes=phrases.CAPTION_CLASSES, objects=(2, 2), object_sizes=(20, 36), occlusion=False, cache=False
    )


@pytest.mark.parametrize("mirrored", [False, True])
def test_described_scenes_are_what_toyland_draws(scenes, monkeypatch, mirrored):
    monkeypatch.setattr(toyland, "scenes", lambda *arguments, **options: scenes)
    images, sentences, boxes = phrases.described_scenes(24, 64, 2, mirrored=mirrored)
    plain = len(images) // (2 if mirrored else 1)
    assert len(images) == len(sentences) == len(boxes) and 12 <= plain <= 24 and boxes.shape[1:] == (2, 4)
    by_picture = {scene.image.tobytes(): scene for scene in scenes}
    for n, (image, sentence, (first, second)) in enumerate(zip(images, sentences, boxes.tolist(), strict=True)):
        drawn = (image if n < plain else image.flip(2)).mul(255).round().byte().permute(1, 2, 0)
        scene = by_picture[drawn.contiguous().numpy().tobytes()]
        said = re.fullmatch(r"(an? .+) (left of|above) (an? .+)", " ".join(sentence))
        true = zip(scene.labels, scene.attributes, strict=True)
        things = [" ".join(phrases.thing_words(toyland.CLASSES[k], thing["color"])) for k, thing in true]
        assert sorted([said[1], said[3]]) == sorted(things)
        x, y = ((second[k] + second[k + 2] - first[k] - first[k + 2]) / 2 for k in (0, 1))
        assert x + y > 0 and abs(abs(x) - abs(y)) >= 6.4
        assert (said[2] == "left of") == (x > y)


def test_mirrored_scenes_stand_behind_the_others(scenes, monkeypatch):
    monkeypatch.setattr(toyland, "scenes", lambda *arguments, **options: scenes)
    plain, both = phrases.described_scenes(24, 64, 2), phrases.described_scenes(24, 64, 2, mirrored=True)
    count = len(plain.images)
    assert torch.equal(both.images, torch.cat([plain.images, plain.images.flip(3)]))
    assert both.sentences[:count] == plain.sentences and torch.equal(both.boxes[:count], plain.boxes)
    mirrored = (both.sentences[count:], both.boxes[count:])
    for one, other, boxes, turned in zip(plain.sentences, mirrored[0], plain.boxes, mirrored[1], strict=True):
        assert sorted(word for word in one if word not in ("left", "of", "above")) == sorted(
            word for word in other if word not in ("left", "of", "above")
        )
        assert sorted(boxes[:, 1].tolist()) == sorted(turned[:, 1].tolist())
        if "left" in one:  # what lay left lies right now, so that the other thing is named first
            assert one[: one.index("left")] == other[other.index("of") + 1 :]


def test_caption_vocabulary_is_enough(scenes, monkeypatch):
    monkeypatch.setattr(toyland, "scenes", lambda *arguments, **options: scenes)
    vocabulary = phrases.caption_vocabulary()
    assert len(vocabulary) == 3 + 2 + 6 + 9 + 3  # marks, articles, classes, colors, relations
    described = phrases.described_scenes(24, 64, 2)
    assert vocabulary.decode(vocabulary.encode(described.sentences)) == described.sentences


def test_colors_are_those_that_toyland_paints():
    for name, colors in phrases.CAPTION_COLORS.items():
        drawn = toyland.scenes(
            60, 32, 1, classes=[name], objects=(1, 1), object_sizes=(12, 30), clutter=False, cache=False
        )
        seen = {scene.attributes[0]["color"] for scene in drawn}
        assert seen == set(colors)


# --- BLEU -------------------------------------------------------------------------------------------------------------


def sacre(given_sentences, true) -> float:
    scorer = BLEU(tokenize="none", smooth_method="none", force=True)
    return scorer.corpus_score([" ".join(s) for s in given_sentences], [[" ".join(s) for s in true]]).score / 100


TRUE = "vier und zwanzig , sieben und achtzig , elf".split()


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("vier und zwanzig , sieben und achtzig , elf", 1.0),
        ("vier und zwanzig , achtzig und sieben , elf", (9 / 9 * 4 / 8 * 2 / 7 * 1 / 6) ** 0.25),
        ("vier und zwanzig , sieben und achtzig", np.exp(1 - 9 / 7)),
        ("elf elf elf elf elf", 0.0),
        ("", 0.0),
    ],
)
def test_bleu_by_hand_and_by_sacrebleu(words, value):
    assert metrics.bleu([words.split()], [TRUE]) == pytest.approx(value, abs=1e-12)
    assert sacre([words.split()], [TRUE]) == pytest.approx(value, abs=1e-12)


def test_runs_are_counted_at_most_as_often_as_they_are_true():
    given_words = ["the"] * 7
    true = "the cat is on the mat".split()  # Papineni et al.: 2 / 7, not 7 / 7
    assert metrics.bleu([given_words], [true], longest=1) == pytest.approx(2 / 7)
    assert metrics.ngrams(["a", "b", "a", "b"], 2) == {("a", "b"): 2, ("b", "a"): 1}


sentences = st.lists(st.sampled_from("abcd"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(sentences, sentences.filter(len)), min_size=1, max_size=8))
def test_bleu_is_sacrebleus(pairs):
    mine, true = zip(*pairs, strict=True)
    assert metrics.bleu(mine, true) == pytest.approx(sacre(mine, true), abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least one, got 0 and 0"),
        (([["a"]], []), "as many sentences, at least one, got 1 and 0"),
        ((["a b"], [["a", "b"]]), "got a string; split it"),
        (([["a"]], [["a"]], 0), "longest must be an integer of at least 1"),
    ],
)
def test_bleu_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.bleu(*arguments)
