"""Finds the conditions in the text of a function: of WHERE, ON, HAVING, FILTER and of IF, and what they are made of."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$\w*\$|[A-Za-z_][\w.]*|[()]|;|\S")
_BEGIN = {"where", "having", "if", "elsif"}
_END = {"returning", "order", "limit", "group", "for", "union", "loop", "then", ";", "$function$", "$$", "return"}


class Token(NamedTuple):
    text: str
    start: int
    end: int
    depth: int


class Part(NamedTuple):
    """A piece of a condition, and what takes its place: `true` for one of several that must hold, else `false`."""

    start: int
    end: int
    instead: str


def tokens(text: str) -> list[Token]:
    """Each with the number of parentheses around it; a parenthesis counts as outside itself. Comments are left out."""
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        word = match.group().lower()
        if word.startswith("--"):
            continue
        depth -= word == ")"
        found.append(Token(word, match.start(), match.end(), depth))
        depth += word == "("
    return found


def parts(text: str) -> list[Part]:
    """Every way to leave out a piece of a condition, in the order of the text, each once."""
    found = tokens(text)
    made: dict[Part, None] = {}
    for index, token in enumerate(found):
        if token.text in _BEGIN and not _closes_block(found, index):
            is_if = token.text in {"if", "elsif"}
            made |= dict.fromkeys(_of_condition(_until_its_end(found, index), is_check=is_if))
    return list(made)


def _closes_block(found: list[Token], index: int) -> bool:
    """END IF opens no condition."""
    return index > 0 and found[index - 1].text == "end"


def _until_its_end(found: list[Token], index: int) -> list[Token]:
    depth, condition = found[index].depth, []
    for token in found[index + 1 :]:
        if token.depth < depth or (token.depth == depth and token.text in _END):
            break
        condition.append(token)
    return condition


def _of_condition(condition: list[Token], *, is_check: bool) -> Iterator[Part]:
    """A check of IF is left out as a whole: it never fires. A condition of WHERE is left out conjunct by conjunct."""
    if is_check:
        yield Part(condition[0].start, condition[-1].end, "false")
    alternatives = _split(condition, "or")
    if len(alternatives) > 1:
        yield from (Part(piece[0].start, piece[-1].end, "false") for piece in alternatives)
    conjuncts = _split(condition, "and")
    if len(alternatives) == 1 and not (is_check and len(conjuncts) == 1):
        for piece in conjuncts:
            yield Part(piece[0].start, piece[-1].end, "true")
            if len(conjuncts) > 1 and piece[0].text == "(" and piece[-1].text == ")":
                yield from _of_condition(piece[1:-1], is_check=False)


def _split(condition: list[Token], word: str) -> list[list[Token]]:
    depth = condition[0].depth
    pieces: list[list[Token]] = [[]]
    for token in condition:
        if token.text == word and token.depth == depth:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces
