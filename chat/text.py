"""Text made fit for where it goes: markdown out of answers, what Postgres cannot hold out of text.

The stripper reads an answer once, left to right. Blocks (fences, headings, lists, quotes, tables)
are told by how a line starts, inline marks by what closes them on the same line:

    feed ─> line start ─> inline ─> output that waits only behind a mark nobody has closed yet
                      └─> code   ─> output

Where it differs from CommonMark, it is so that an answer streams and that no meaning is lost:

* Inline marks, links and code spans end with their line, and reach at most REACH characters.
* A `*` between two ASCII letters or digits never opens, nor does a `[` after one: `2**10 and 3**5`
  and `handlers[0](event)` stay as they are.
* Chinese and Japanese write no spaces, so `**“重点”**是` is bold, although CommonMark says no.
* `\\(`, `\\[`, `\\{` and `\\\\` keep their backslash: in answers they are LaTeX or paths.
* Underlined headings, indented code, reference links and HTML are left as they were written.
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

REACH = 1000
"""How far, in characters, a mark looks for what closes it; farther away, it is literal text.

An open emphasis and an undecided code span or link can wait behind one another, so what
`MarkdownStripper` holds back is never much more than twice this."""

_BEHIND = 200  # characters kept before the position: enough to see that a mark is inside a URL
_MAX_RUN = 64  # a longer run of one mark (or of blanks) is decoration, and is not held
_MAX_NESTING = 16  # quotes and lists in one line

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

# What stops the free flow of text, by the kind of line it is in.
_RARE_STOPS = r"~(?=~|\Z)|!(?=\[|\Z)|<(?=[hm]|\Z)"
_PROSE_STOPS = re.compile(rf"[*_`\[\]\\\n]|{_RARE_STOPS}")
_HEADING_STOPS = re.compile(rf"[*_`\[\]\\\n \t]|{_RARE_STOPS}")
_ROW_STOPS = re.compile(rf"[*_`\[\]\\\n \t|]|{_RARE_STOPS}")
_CODE_STOPS = re.compile(r"\n")
_ANYTHING = re.compile(r"")

# Groups are repeated without possession: CPython before 3.11.5 (Debian 12 has 3.11.2) matches that wrongly, gh-106052.
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*+\1){2,}[ \t]*+")
_SEPARATOR = re.compile(
    r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*\|?[ \t]*+",
)
_FENCE = re.compile(
    r"(?P<indent>[ \t]*+)(?:(?P<ticks>`{3,}+)[^`]*+|(?P<tildes>~{3,}+).*+)",
    re.DOTALL,
)
_FENCE_END = re.compile(r"(?P<indent>[ \t]*+)(?P<marks>`++|~++)[ \t]*+")
_BLOCK = re.compile(
    r"(?P<indent>[ \t]*+)"
    r"(?:(?P<quote>>)(?:[ \t]|(?=>)|\Z)"
    r"|(?P<bullet>[*+-])(?=[ \t])"
    r"|(?P<number>[0-9]{1,9}[.)])(?=[ \t])"
    r"|(?P<heading>\#{1,6})(?:[ \t]++|\Z)"
    r"|(?P<row>\|)[ \t]*+)",
)
# A line that starts like this is text; most lines do.
_PLAIN_LINE = re.compile(r"[ \t]{0,64}+[^ \t\r#>*+\-_|`~:0-9]")
# Beginnings of a line that more text could still turn into something else.
_UNDECIDED_LINE = re.compile(
    r"[ \t]*+(?:\#{1,6}[ \t]*+|>|[0-9]{1,9}[.)]?|\+|[-:| \t]++|([-*_])(?:[ \t]*+\1)*[ \t]*+"
    r"|`{1,2}|~{1,2}|`{3,}+[^`]*+|~{3,}+.*+)?\r?",
    re.DOTALL,
)
_UNDECIDED_CODE_LINE = re.compile(r"[ \t]*+(?:`*+|~*+)[ \t]*+\r?")
_COMPACT_ROW = re.compile(r"[ \t]*+\|[^ \t]")

_QUOTE_IN_CODE = re.compile(r"[ \t]{0,64}+(?:>[ \t]?)?")
_CELL_GAP = re.compile(r"[ \t]{0,64}+(?:\|[ \t]{0,64}+)?")
_HEADING_GAP = re.compile(r"([ \t]{1,64}+)\#{0,64}+[ \t]{0,64}+")

_RUN = re.compile(r"([*_~`\[])\1{0,63}")
_TICKS = re.compile(r"`+")
_PUNCTUATION = frozenset(string.punctuation)
_ESCAPABLE = frozenset("*_~`#>+-.!|<$")
_URL_ESCAPE = re.compile(rf"\\([{re.escape(string.punctuation)}])")
_URL_END = re.compile(r"[^!-~]|[|<>()\[\]\"'`]")
_SCHEMES = ("https://", "http://", "mailto:")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]++)>")
_AUTOLINK_END = re.compile(r"[\s<>]")

_DESTINATION = r"(?:[^\s()<>\\]|\\\S|\([^\s()]*+\))*"
_TARGET = re.compile(
    rf"\([ \t]*+(?:<(?P<angled>[^<>\n]*+)>|(?P<bare>{_DESTINATION}))"
    r"(?:[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+'|\([^()\n]*+\)))?[ \t]*+\)",
)
_UNDECIDED_TARGET = re.compile(
    rf"\([ \t]*+(?:<[^<>\n]*+>?|{_DESTINATION}(?:\\|\([^\s()]*+)?)"
    r"(?:[ \t]++(?:\"[^\"\n]*+\"?|'[^'\n]*+'?|\([^()\n]*+\)?)?)?[ \t]*+",
)


def clean_text(text: str) -> str:
    """`text` as Postgres can hold it: without NUL, each surrogate replaced by U+FFFD."""
    if _UNSTORABLE.search(text) is None:
        return text
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def strip_markdown(text: str) -> str:
    """The plain text of a markdown answer; text without markdown comes back byte for byte.

    Marks go, words stay: `[text](url)` becomes `text (url)`, `![alt](url)` becomes `alt`, bullets
    become `- `, cells are joined by ` | `, code keeps every character. Stripping twice may strip
    more: code can contain markdown.
    """
    stripper = MarkdownStripper()
    return stripper.feed(text) + stripper.close()


def _is_blank(char: str) -> bool:
    return not char or char.isspace()


def _is_hard(char: str) -> bool:
    """Whether it is an ASCII letter or digit: text that would run on without the mark."""
    return char.isascii() and not _is_blank(char) and char not in _PUNCTUATION


def _flanks(mark: str, before: str, after: str) -> tuple[bool, bool]:
    """Whether a run of `mark` between two characters may open, and may close. "" is a text's end.

    CommonMark's flanking rules, but only ASCII punctuation counts, and only beside ASCII text.
    """
    opens, closes = not _is_blank(after), not _is_blank(before)
    if mark == "_":
        return opens and not before.isalnum(), closes and not after.isalnum()
    if _is_hard(before):
        opens = opens and after not in _PUNCTUATION and not _is_hard(after)
    if _is_hard(after):
        closes = closes and before not in _PUNCTUATION
    return opens, closes


def _span_content(code: str) -> str:
    """What a code span shows: a blank that only keeps a backtick off the marks is not content."""
    if code[:1] == code[-1:] == " " and "`" in (code[1:2], code[-2:-1]):
        return code[1:-1]
    return code


def _width(blanks: str) -> int:
    return len(blanks.expandtabs(4))


@dataclass(slots=True)
class _Opener:
    """A mark that was written to the output and that a later one may close."""

    mark: str
    size: int  # characters it was written with
    left: int  # characters no closer has used up
    closes: bool
    at: int  # position in the text
    part: int  # index among all parts of the output


class _Output:
    """Output in parts, of which those from the oldest open mark on may still change."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._parts: list[str] = []
        self._taken = 0  # parts that were handed out already
        self._openers: list[_Opener] = []
        self._brackets: list[_Opener] = []
        # Per kind of closer: nothing that opened before this position matches it. Without this
        # memory, a line of closers would search all openers again and again.
        self._floors: dict[tuple[str, bool, int], int] = {}

    @property
    def is_waiting(self) -> bool:
        return bool(self._parts)

    def write(self, text: str) -> None:
        self._parts.append(text)

    def take(self, at: int) -> str:
        """What can no longer change, now that the text was read up to position `at`."""
        self._expire(at)
        oldest = [stack[0].part for stack in (self._openers, self._brackets) if stack]
        count = min(oldest) - self._taken if oldest else len(self._parts)
        ready = "".join(self._parts[:count])
        del self._parts[:count]
        self._taken += count
        return ready

    def settle(self) -> None:
        """End the line: what is open stays as it was written."""
        self._openers.clear()
        self._brackets.clear()
        self._floors.clear()

    def emphasis(self, mark: str, size: int, at: int, flanks: tuple[bool, bool]) -> None:
        """A run of `size` marks: closes what it can, and what is left may open."""
        opens, closes = flanks
        self._expire(at)
        left = self._close(mark, size, at, opens) if closes else size
        if left and opens:
            self._openers.append(self._opener(mark, size, left, closes, at))
        if left:
            self.write(mark * left)

    def open_bracket(self, mark: str, at: int) -> None:
        self._expire(at)
        self._brackets.append(self._opener(mark, len(mark), len(mark), False, at))
        self.write(mark)

    def has_bracket(self, at: int) -> bool:
        self._expire(at)
        return bool(self._brackets)

    def drop_bracket(self) -> None:
        """The innermost bracket is no link: leave it as it was written."""
        self._brackets.pop()

    def close_bracket(self, url: str) -> None:
        """The innermost bracket is a link or an image: unwrap it."""
        bracket = self._brackets.pop()
        first = bracket.part - self._taken
        self._parts[first] = ""
        while self._openers and self._openers[-1].at > bracket.at:
            self._openers.pop()
        if bracket.mark == "[":
            self._brackets.clear()  # there are no links in links
            self.write(_shown_url("".join(self._parts[first:]), url))

    def _opener(self, mark: str, size: int, left: int, closes: bool, at: int) -> _Opener:
        return _Opener(mark, size, left, closes, at, self._taken + len(self._parts))

    def _expire(self, at: int) -> None:
        """Give up what opened too far back, so that neither the stacks nor the wait grow."""
        for stack in (self._openers, self._brackets):
            while stack and at - stack[0].at > self._reach:
                del stack[0]

    def _close(self, mark: str, size: int, at: int, opens: bool) -> int:
        """Use the run up on openers, two marks at a time if both have them; return what is left."""
        left = size
        while left and (opener := self._match(mark, size, at, opens)):
            used = 2 if min(left, opener.left) >= 2 else 1
            left -= used
            opener.left -= used
            self._parts[opener.part - self._taken] = mark * opener.left
            if not opener.left:
                self._openers.pop()
        return left

    def _match(self, mark: str, size: int, at: int, opens: bool) -> _Opener | None:
        """The nearest opener for a closer; those after it are dropped. CommonMark's rules 9-15."""
        kind = (mark, opens, size % 3)
        floor = self._floors.get(kind, 0)
        for index in range(len(self._openers) - 1, -1, -1):
            opener = self._openers[index]
            if opener.at < floor:
                break
            ambiguous = (opens or opener.closes) and size % 3 and not (size + opener.size) % 3
            if opener.mark == mark and not ambiguous:
                del self._openers[index + 1 :]
                return opener
        self._floors[kind] = at
        return None


def _shown_url(text: str, url: str) -> str:
    """What follows a link's text so that its URL is not lost, nor said twice."""
    if not text:
        return url
    return f" ({url})" if url and url != text else ""


class MarkdownStripper:
    """`strip_markdown` for text that arrives in pieces, however it is cut.

    All that `feed` returned and then `close` returns, joined, is `strip_markdown` of the whole.
    Only what a later piece could change is held back: an open mark, until its line ends or REACH
    is passed. Time is linear in the text.
    """

    def __init__(self, *, reach: int = REACH) -> None:
        self._reach = reach
        self._text = ""  # what is not decided yet, after up to _BEHIND decided characters
        self._pos = 0  # where in _text the undecided begins
        self._base = 0  # position in the whole text of _text[0]
        self._closing = False
        self._output = _Output(reach)
        self._in_table = False
        self._fence = ""
        self._fence_column = 0
        self._fence_quotes = 0
        self._long_run_end = -1
        self._span_search = (-1, 0)
        self._start_line()

    def feed(self, piece: str) -> str:
        """Read `piece`; return the plain text that is certain by now, possibly ""."""
        if not self._is_free(piece):
            self._text += piece
            return self._advance()
        text = self._text + piece
        self._text = text[-_BEHIND:]
        self._base += len(text) - len(self._text)
        self._pos = len(self._text)
        return piece

    def close(self) -> str:
        """The text has ended: return all that was held back. Nothing may be fed after this."""
        self._closing = True
        ready = self._advance()
        self._output.settle()
        return ready + self._output.take(self._at)

    @property
    def _at(self) -> int:
        return self._base + self._pos

    def _is_free(self, piece: str) -> bool:
        """Nothing waits and nothing in `piece` could be a mark: the way most pieces go."""
        return self._pos == len(self._text) and not self._output.is_waiting and self._stops.search(piece) is None

    def _advance(self) -> str:
        while self._read():
            pass
        decided = self._pos - _BEHIND
        if decided > 0:
            self._text = self._text[decided:]
            self._base += decided
            self._pos = _BEHIND
        return self._output.take(self._at)

    # Every reader below looks at the text from _pos on. It either moves _pos or changes the mode
    # and returns True, or returns False: what there is of the text does not decide yet.

    def _enter(self, read: Callable[[], bool], stops: re.Pattern[str]) -> bool:
        self._read = read
        self._stops = stops
        return True

    def _keep(self, end: int) -> bool:
        self._output.write(self._text[self._pos : end])
        self._pos = end
        return True

    def _peek(self, index: int) -> str | None:
        """The character at `index`, "" behind the last one, None while that is not known."""
        if index < len(self._text):
            return self._text[index]
        return "" if self._closing else None

    def _line_end(self, start: int) -> tuple[int, bool]:
        """Where the line from `start` ends as far as may be looked, and whether it ends there."""
        limit = start + self._reach
        end = self._text.find("\n", start, limit)
        if end >= 0:
            return end, True
        return min(limit, len(self._text)), self._closing and len(self._text) <= limit

    def _ends_line(self, index: int) -> bool | None:
        char = self._peek(index)
        if char == "\r":
            char = self._peek(index + 1)
        return None if char is None else char in ("", "\n")

    def _start_line(self) -> bool:
        self._quotes = 0
        self._nesting = 0
        self._column = 0  # of the text after quote and list marks
        self._has_list_mark = False
        return self._enter(self._read_line_start, _ANYTHING)

    def _read_line_start(self) -> bool:
        if self._pos == len(self._text):
            return False
        if _PLAIN_LINE.match(self._text, self._pos):
            return self._start_text(_PROSE_STOPS)
        end, ended = self._line_end(self._pos)
        line = self._text[self._pos : end]
        if ended:
            line = line.removesuffix("\r")
            return self._read_whole_line(line) or self._read_block_mark(line, ended)
        if end - self._pos < self._reach and self._is_undecided(line):
            return False
        return self._read_block_mark(line, ended)

    def _is_undecided(self, line: str) -> bool:
        if _UNDECIDED_LINE.fullmatch(line):
            return True
        return not self._in_table and _COMPACT_ROW.match(line) is not None

    def _read_whole_line(self, line: str) -> bool:
        """Lines that are nothing but a mark: a rule, the line under a table's head, a fence."""
        if _RULE.fullmatch(line):
            self._pos += len(line)
            return self._start_text(_PROSE_STOPS)
        if "|" in line and _SEPARATOR.fullmatch(line):
            self._drop_line(line)
            self._in_table = True
            return True
        if fence := _FENCE.fullmatch(line):
            self._start_code(fence)
            self._drop_line(line)
            return True
        return False

    def _drop_line(self, line: str) -> None:
        """Drop what is left of the line; after a list mark, which was written, not its end."""
        self._pos += len(line)
        if not self._has_list_mark:
            end, _ = self._line_end(self._pos)
            self._pos = min(end + 1, len(self._text))
            self._next_line()
        elif self._fence:
            self._enter(self._read_code, _CODE_STOPS)
        else:
            self._enter(self._read_text, _PROSE_STOPS)

    def _next_line(self) -> bool:
        self._start_line()
        return not self._fence or self._enter(self._read_code_line_start, _ANYTHING)

    def _read_block_mark(self, line: str, ended: bool) -> bool:
        found = _BLOCK.match(line)
        kind = found.lastgroup if found and self._nesting < _MAX_NESTING else None
        if found is None or kind is None:
            return self._start_text(_PROSE_STOPS)
        if kind in ("quote", "bullet", "number"):
            return self._read_container(found)
        if kind == "heading" and _width(found["indent"]) <= 3:
            return self._start_marked_text(found, _HEADING_STOPS)
        if kind == "row" and self._is_row(line, ended):
            return self._start_marked_text(found, _ROW_STOPS)
        return self._start_text(_PROSE_STOPS)

    def _read_container(self, found: re.Match[str]) -> bool:
        """A quote or list mark: what follows it is the start of a line again."""
        self._nesting += 1
        self._pos += found.end()
        self._output.write(found["indent"])
        if found["quote"]:
            self._quotes += 1
            self._column = 0
        else:
            self._has_list_mark = True
            self._column += _width(found[0])
            self._output.write(found["number"] or "-")
        return True

    def _is_row(self, line: str, ended: bool) -> bool:
        """Whether a line that starts with a pipe is a table's: `|x| < 5` is not."""
        row = line.strip(" \t")
        return self._in_table or row[1:2] in (" ", "\t") or (ended and row[2:].endswith("|"))

    def _start_marked_text(self, mark: re.Match[str], stops: re.Pattern[str]) -> bool:
        self._output.write(mark["indent"])
        self._pos += mark.end()
        return self._start_text(stops)

    def _start_text(self, stops: re.Pattern[str]) -> bool:
        self._in_table = stops is _ROW_STOPS
        return self._enter(self._read_text, stops)

    def _start_code(self, fence: re.Match[str]) -> None:
        self._in_table = False
        self._fence = fence["ticks"] or fence["tildes"]
        self._fence_column = self._column + _width(fence["indent"])
        self._fence_quotes = self._quotes

    def _read_code_line_start(self) -> bool:
        if self._pos == len(self._text):
            return False
        if self._quotes < self._fence_quotes:
            return self._read_quote_in_code()
        end, ended = self._line_end(self._pos)
        line = self._text[self._pos : end]
        if ended and self._ends_code(line.removesuffix("\r")):
            self._fence = ""
            self._drop_line(line)
            return True
        if not ended and end - self._pos < self._reach and _UNDECIDED_CODE_LINE.fullmatch(line):
            return False
        return self._enter(self._read_code, _CODE_STOPS)

    def _ends_code(self, line: str) -> bool:
        found = _FENCE_END.fullmatch(line)
        if found is None or not found["marks"].startswith(self._fence):
            return False
        return _width(found["indent"]) <= self._fence_column + 3

    def _read_quote_in_code(self) -> bool:
        """Code in a quote has the quote's marks on each line, and ends where they do."""
        found = _QUOTE_IN_CODE.match(self._text, self._pos)
        if found is None or self._peek(found.end()) is None:
            return False
        if ">" not in found[0]:
            self._fence = ""
            return self._enter(self._read_line_start, _ANYTHING)
        self._quotes += 1
        self._pos = found.end()
        return True

    def _read_code(self) -> bool:
        end = self._text.find("\n", self._pos) + 1
        self._keep(end or len(self._text))
        return bool(end) and self._next_line()

    def _read_text(self) -> bool:
        found = self._stops.search(self._text, self._pos)
        stop = found.start() if found else len(self._text)
        if stop > self._pos:
            self._keep(stop)
        return found is not None and self._MARK_READERS[self._text[stop]](self)

    def _read_line_break(self) -> bool:
        self._keep(self._pos + 1)
        self._output.settle()
        return self._start_line()

    def _read_escape(self) -> bool:
        """A mark loses its backslash; `\\[` and `\\\\` pass as one piece, so `[` opens nothing."""
        char = self._peek(self._pos + 1)
        if char is None:
            return False
        if char in _ESCAPABLE:
            self._pos += 1
        return self._keep(self._pos + (1 if char in _ESCAPABLE or char not in _PUNCTUATION else 2))

    def _read_run(self) -> bool:
        found = _RUN.match(self._text, self._pos)
        if found is None:  # only a mark brings us here
            return False
        mark, end = found[1], found.end()
        if len(found[0]) == _MAX_RUN or self._goes_on_with_long_run(mark):
            self._long_run_end = self._base + end
            return self._keep(end)
        after = self._peek(end)
        if after is None:
            return False
        if mark == "`":
            return self._read_span(end)
        if mark == "[":
            return self._read_brackets(end)
        return self._read_emphasis(mark, end, after)

    def _goes_on_with_long_run(self, mark: str) -> bool:
        return self._at == self._long_run_end and self._text[self._pos - 1] == mark

    def _read_emphasis(self, mark: str, end: int, after: str) -> bool:
        if mark == "~" and end - self._pos != 2:
            return self._keep(end)
        before = self._text[self._pos - 1] if self._pos else ""
        opens, closes = _flanks(mark, before, after)
        opens = opens and not self._is_in_url()
        self._output.emphasis(mark, end - self._pos, self._at, (opens, closes))
        self._pos = end
        return True

    def _is_in_url(self) -> bool:
        """Whether the word before the position is a URL: its `_` and `*` are its own."""
        behind = self._text[max(0, self._pos - _BEHIND) : self._pos]
        start = behind.rfind("://")
        return start >= 0 and _URL_END.search(behind, start) is None

    def _read_span(self, start: int) -> bool:
        """A code span, whose opening backticks end at `start`."""
        opened, searched = self._span_search
        end, ended = self._line_end(start)
        begin = searched - self._base if opened == self._at else start
        for run in _TICKS.finditer(self._text, begin, end):
            whole = ended or run.end() < end
            if whole and run.end() - run.start() == start - self._pos:
                self._output.write(_span_content(self._text[start : run.start()]))
                self._pos = run.end()
                return True
        if ended or end - start >= self._reach:
            return self._keep(start)
        # A run that touches the end may grow: the next search starts with it.
        unsearched = start + len(self._text[start:end].rstrip("`"))
        self._span_search = (self._at, self._base + unsearched)
        return False

    def _read_brackets(self, end: int) -> bool:
        """A run of opening brackets, each of which may turn out to be a link's."""
        if self._pos and _is_hard(self._text[self._pos - 1]):
            return self._keep(end)
        while self._pos < end:
            self._open_bracket("[")
        return True

    def _read_exclamation(self) -> bool:
        after = self._peek(self._pos + 1)
        if after != "[":
            return after is not None and self._keep(self._pos + 1)
        self._open_bracket("![")
        return True

    def _open_bracket(self, mark: str) -> None:
        self._output.open_bracket(mark, self._at)
        self._pos += len(mark)

    def _read_bracket_end(self) -> bool:
        start = self._pos + 1
        if not self._output.has_bracket(self._at):
            return self._keep(start)
        if self._peek(start) is None:
            return False
        if target := _TARGET.match(self._text, start, start + self._reach):
            url = target["bare"] if target["angled"] is None else target["angled"]
            self._output.close_bracket(_URL_ESCAPE.sub(r"\1", url))
            self._pos = target.end()
            return True
        if self._can_grow(start) and _UNDECIDED_TARGET.fullmatch(self._text, start):
            return False
        self._output.drop_bracket()
        return self._keep(start)

    def _can_grow(self, start: int) -> bool:
        return not self._closing and len(self._text) < start + self._reach

    def _read_autolink(self) -> bool:
        if found := _AUTOLINK.match(self._text, self._pos, self._pos + self._reach):
            self._output.write(found[1])
            self._pos = found.end()
            return True
        start = self._pos + 1
        head = self._text[start : start + len(_SCHEMES[0])]
        promising = any(head.startswith(each) or each.startswith(head) for each in _SCHEMES)
        if promising and self._can_grow(self._pos) and not _AUTOLINK_END.search(self._text, start):
            return False
        return self._keep(start)

    def _read_gap(self) -> bool:
        """Blanks (or a pipe): in a heading closing hashes may follow, in a row a cell may end."""
        return self._read_cell_gap() if self._stops is _ROW_STOPS else self._read_heading_gap()

    def _read_cell_gap(self) -> bool:
        found = _CELL_GAP.match(self._text, self._pos)
        if found is None or (is_last := self._ends_line(found.end())) is None:
            return False
        if "|" not in found[0]:
            return self._keep(found.end())
        if not is_last:
            self._output.write(" | ")
        self._pos = found.end()
        return True

    def _read_heading_gap(self) -> bool:
        found = _HEADING_GAP.match(self._text, self._pos)
        if found is None or (is_last := self._ends_line(found.end())) is None:
            return False
        if not (is_last and "#" in found[0]):
            return self._keep(found.end(1))
        self._pos = found.end()
        return True

    _MARK_READERS: ClassVar[dict[str, Callable[["MarkdownStripper"], bool]]] = {
        "\n": _read_line_break,
        "\\": _read_escape,
        **dict.fromkeys("*_~`[", _read_run),
        "!": _read_exclamation,
        "]": _read_bracket_end,
        "<": _read_autolink,
        **dict.fromkeys(" \t|", _read_gap),
    }
