"""Answers without a model: the sentences of the training data that fit the question best."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .words import sentences, terms

MAX_SENTENCES = 3
MAX_QUOTE = 400
MAX_ECHO = 120

# A sentence must cover this share of what was asked, by weight; less when it shares two terms.
ENOUGH = 0.3
ENOUGH_FOR_TWO = 0.12
# The next best sentences are quoted too when they fit nearly as well as the best.
NEARLY = 0.6
# What stands above a sentence (a heading) says less about it than its own words.
HEADING_WEIGHT = 0.5

SUFFIX = "(Demo model: set GROQ_API_KEY for real answers.)"
NOTHING_FITS = "The data I was given does not answer that."
NO_DATA = "This is a demo model answering without any training data, so all I can do is repeat your message: {echo}"
NO_DATA_CLOSING = "For real answers put `GROQ_API_KEY=...` in `.env`, then run `make up` again."

_BLOCK = re.compile(r"<training_data>(.*?)(?:</training_data>|\Z)", re.DOTALL)
_LABEL = re.compile(r"^(?:q|a|question|answer|frage|antwort)\s*[:.)]\s*", re.IGNORECASE)
# Latin, full-width and Arabic, and the Latin one inside quotation marks.
_QUESTION_MARKS = ("?", "\uff1f", "\u061f", '?"', "?”")
_COLONS = (":", "\uff1a")


@dataclass(frozen=True, slots=True)
class Passage:
    """One thing that can be quoted, with the terms it is found by."""

    quote: str
    own: frozenset[str]
    above: frozenset[str]


@dataclass(frozen=True, slots=True)
class Index:
    """Passages in the order of the data, and in how many of them a term occurs."""

    passages: tuple[Passage, ...]
    frequency: Counter[str]

    def weight(self, term: str) -> float:
        """The rarer a term, the heavier; one the data lacks weighs like one it has once."""
        return math.log(1 + (len(self.passages) + 1) / max(self.frequency[term], 1))


def answer(question: str, system: Sequence[str]) -> str:
    """The whole reply to a question, given the texts of the system messages."""
    index = index_of(tuple(training_data(system)))
    if not index.passages:
        return f"{NO_DATA.format(echo=_echo(question))}\n\n{NO_DATA_CLOSING}"
    quotes = [passage.quote for passage in best(question, index)]
    if not quotes:
        return f"{NOTHING_FITS} {SUFFIX}"
    return f"According to what I was given: {' '.join(map(_quoted, quotes))} {SUFFIX}"


def training_data(system: Iterable[str]) -> Iterator[str]:
    """What stands between the markers, block by block; an unclosed one runs to the end."""
    for text in system:
        yield from _BLOCK.findall(text)


@lru_cache(maxsize=32)
def index_of(blocks: tuple[str, ...]) -> Index:
    """Cached, for every message of a session brings the same data again."""
    found = {p.quote: p for block in blocks for p in _passages(block)}
    if not found:
        # Nothing but questions or headings: then they are what was given.
        found = {s: Passage(s, terms(s), frozenset()) for b in blocks for s in sentences(b) if terms(s)}
    frequency = Counter(term for passage in found.values() for term in passage.own | passage.above)
    return Index(tuple(found.values()), frequency)


def best(question: str, index: Index) -> list[Passage]:
    """At most three passages that answer the question, in the order of the data."""
    weights = {term: index.weight(term) for term in terms(question)}
    scored = [(_score(passage, weights), at) for at, passage in enumerate(index.passages)]
    ranked = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:MAX_SENTENCES]
    if not ranked or ranked[0][0] == 0:
        return []
    least = NEARLY * ranked[0][0]
    return [index.passages[at] for at in sorted(at for score, at in ranked if score >= least)]


def _score(passage: Passage, weights: dict[str, float]) -> float:
    """Between 0 and 1: the share of the question's weight that the passage covers."""
    shared = [term for term in weights if term in passage.own or term in passage.above]
    if not shared:
        return 0
    covered = sum(weights[term] * (1 if term in passage.own else HEADING_WEIGHT) for term in shared) / sum(
        weights.values()
    )
    return covered if covered >= (ENOUGH if len(shared) == 1 else ENOUGH_FOR_TWO) else 0


def _passages(block: str) -> Iterator[Passage]:
    """Sentences; a question stands for the answer after it, a heading for what it heads."""
    asked: frozenset[str] = frozenset()
    heading: frozenset[str] = frozenset()
    for sentence in sentences(block):
        words = terms(sentence)
        if _is_heading(sentence):
            heading = words
        elif sentence.endswith(_QUESTION_MARKS):
            asked = words
        elif words:
            quote = _shortened(_LABEL.sub("", sentence), MAX_QUOTE)
            yield Passage(quote, words | asked, heading)
            asked = frozenset()


def _is_heading(sentence: str) -> bool:
    return sentence.startswith("#") or sentence.endswith(_COLONS)


def _quoted(text: str) -> str:
    return f'"{text}"'


def _echo(question: str) -> str:
    return _quoted(_shortened(" ".join(question.split()), MAX_ECHO))


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
