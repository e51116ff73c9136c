"""Text into sentences, and sentences into terms that can be compared.

No dictionary and no model: good enough to find the sentence somebody asks about, in
languages that put blanks between words and in those that do not.
"""

import re
import unicodedata
from collections.abc import Iterator

from .stop_words import STOP_WORDS

# Han, kana, Thai, Lao, Burmese and Khmer are written without blanks: their runs are compared by
# pairs of characters.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"

_RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
_STARTS_UNSPACED = re.compile(f"[{UNSPACED}]")
# Full-width and half-width full stops, and the full-width ! and ?, need no blank after them.
_SENTENCE_END = re.compile("(?<=[.!?…।\u061f])[\"'”\u2019»)\\]]*\\s+|(?<=[。\uff01\uff1f\uff61])|[\r\n\u2028\u2029]+")
_BULLET = re.compile(r"^\s*(?:[-*•+>]\s+|\d{1,3}[.)]\s+)?")
_COMBINING = re.compile("[\u0300-\u036f]")
_SUFFIXES = ("ings", "ies", "ied", "ing", "ed", "es", "en", "ly", "s", "e", "y")


class _Spacing(dict[int, str]):
    """Keeps letters, marks and digits, and turns everything else into a blank.

    `re` counts the vowel signs of Indic scripts as no part of a word, so categories decide.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = char if unicodedata.category(char)[0] in "LMN" else " "
        return self[code]


_SPACING = _Spacing()


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, without bullets and surrounding blanks."""
    parts = (_BULLET.sub("", part).strip() for part in _SENTENCE_END.split(text))
    return [part for part in parts if part]


def terms(text: str) -> frozenset[str]:
    """What a text is about: stems and character pairs, without stop words."""
    plain = _unaccented(text.casefold()).translate(_SPACING)
    return frozenset(term for word in plain.split() for term in _word_terms(word))


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", _COMBINING.sub("", decomposed))


_PLAIN_STOP_WORDS = frozenset(map(_unaccented, STOP_WORDS))


def _word_terms(word: str) -> Iterator[str]:
    for run in _RUNS.findall(word):
        if _STARTS_UNSPACED.match(run):
            yield from _pairs(run)
        elif run not in _PLAIN_STOP_WORDS and (len(run) > 1 or not run.isascii() or run.isdigit()):
            yield stem(run)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]


def stem(word: str) -> str:
    """A crude stem: the same for `open`, `opens` and `opening`, not always a word."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            rest = word[: -len(suffix)]
            return _undoubled(rest) if suffix in ("ed", "ing") else rest
    return word


def _undoubled(word: str) -> str:
    """`shipp` becomes `ship`, while `tell`, `pass` and `buzz` keep their doubles."""
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeioulsz"
    return word[:-1] if doubled else word
