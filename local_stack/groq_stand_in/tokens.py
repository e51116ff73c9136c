"""Text into pieces the size of a model's tokens."""

import re
from itertools import cycle, islice

from .words import UNSPACED

# A word with the blanks before it, cut when long; single characters where there are no blanks.
_TOKEN = re.compile(rf"\s*[{UNSPACED}]|\s*[^\s{UNSPACED}]{{1,16}}|\s+")

_LOREM = (
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua ut enim ad minim veniam quis nostrud exercitation"
)


def split(text: str) -> list[str]:
    """Pieces that joined give the text again, to the last blank."""
    return _TOKEN.findall(text)


def lorem(count: int) -> list[str]:
    """Exactly so many tokens, the same ones every time."""
    words = list(islice(cycle(_LOREM.split()), count))
    return words[:1] + [f" {word}" for word in words[1:]]


def estimate(text: str) -> int:
    """About how many tokens a real model would count: four characters each."""
    return (len(text) + 3) // 4
