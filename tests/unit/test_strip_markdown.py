"""Markdown out of answers: what is stripped, what is left alone, and how it streams."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.text import REACH, MarkdownStripper, clean_text, strip_markdown

MARKS = [
    *["*", "**", "***", "_", "__", "~", "~~", "`", "``", "```", "~~~", "````"],
    *["\n", "\r\n", "\r", " ", "  ", "    ", "\t", "\\", "\\*", "\\["],
    *["[", "]", "](", "(", ")", "![", "!", "<", "<h", "<https://", ">", '"', "'"],
    *["# ", "## ", " ##", "> ", "- ", "* ", "+ ", "1. ", "1", "---", "===", ":"],
    *["|", "| ", " |", "|-|", "|---|---|", "\n```py\n", "\n```\n", "- ```\n", "\n> "],
    *["a", "b c", "x_y", "é", "。", "“", "😀", "http://x.y/", "mailto:"],
]
PROSE = "abc xyz, Ünï. (שלום) “世界”; it's 42? Yes! 👩\u200d💻\u200f \n\t"

markdown = st.lists(st.sampled_from(MARKS), max_size=60).map("".join)
few_marks = st.lists(st.sampled_from(MARKS), min_size=1, max_size=5, unique=True).flatmap(
    lambda marks: st.lists(st.sampled_from(marks), max_size=60).map("".join),
)
any_text = markdown | few_marks | st.text(max_size=60)


@st.composite
def texts_in_pieces(draw: st.DrawFn) -> list[str]:
    text = draw(any_text)
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=80).map(sorted))
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


def strip_in_pieces(pieces: Iterable[str], reach: int = REACH) -> str:
    stripper = MarkdownStripper(reach=reach)
    return "".join([stripper.feed(piece) for piece in pieces]) + stripper.close()


def longest_wait(pieces: Iterable[str]) -> int:
    """The most characters that were fed and not yet returned; for text that loses few marks."""
    stripper = MarkdownStripper()
    waiting = longest = 0
    for piece in pieces:
        waiting += len(piece) - len(stripper.feed(piece))
        longest = max(longest, waiting)
    return longest


def check(markdown_text: str, plain: str) -> None:
    assert strip_markdown(markdown_text) == plain
    assert strip_in_pieces(markdown_text) == plain


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("**bold** and __bold__", "bold and bold"),
        ("*it* and _it_", "it and it"),
        ("***both*** and _**both**_", "both and both"),
        ("**a *b* c** d", "a b c d"),
        ("*a **b***", "a b"),
        ("~~gone~~ here", "gone here"),
        ("(**a**), “*b*”: **c:** d", "(a), “b”: c: d"),
        ("**S**tandard **O**perating", "Standard Operating"),
        ("**`code`**: x", "code: x"),
        ("这是**重点**内容、**“引用”**是", "这是重点内容、“引用”是"),
        ("**\u6ce8\u610f\uff1a**\u8bf7", "\u6ce8\u610f\uff1a\u8bf7"),
    ],
)
def test_emphasis_loses_its_marks(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    "text",
    [
        "snake_case_name and _private, x._a and y._b",
        "2 * 3 * 4, a*b*c, 2**10 and 3**5, f(x)**2 and g(x)**2",
        "5* hotel, 4* hotel",
        "*Terms apply",
        "*.py and *.txt, f(*args, **kwargs), char *a, *b",
        "~5 to ~10 and a ~~~ b",
        "My name is ____, yours is ____.",
        "**opened here\nand closed there**",
        "https://x.org/_a_/b_c and https://x.org/*a*",
        "$a_1 + b_1$ and $x^*$",
    ],
)
def test_marks_that_are_no_emphasis_stay(text: str) -> None:
    check(text, text)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("# One\n###### Six", "One\nSix"),
        ("## Closed ##\n## Closed ###  \nx", "Closed\nClosed\nx"),
        ("##   About C# and a # b", "About C# and a # b"),
        ("## **Bold** `#`", "Bold #"),
        ("##\n#", "\n"),
        ("####### seven\n#hashtag\n#!/bin/sh", "####### seven\n#hashtag\n#!/bin/sh"),
        ("    # a comment", "    # a comment"),
    ],
)
def test_headings_lose_their_hashes(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("use `a **b** [c](d)` now", "use a **b** [c](d) now"),
        ("``a`b`` and ```c``d```", "a`b and c``d"),
        ("`` `a` `` but ` b `", "`a` but  b "),
        ("`` ` ``", "`"),
        ("an open ` and **bold**", "an open ` and bold"),
        ("not `over\nlines`", "not `over\nlines`"),
        ("**a `*` b**", "a * b"),
    ],
)
def test_code_spans_keep_their_content(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("See:\n```py\nx = '**'\n\n  # y\n```\nDone", "See:\nx = '**'\n\n  # y\nDone"),
        ("~~~ js `x`\n```\n~~~\nz", "```\nz"),
        ("````md\n```py\nx\n```\n````\nz", "```py\nx\n```\nz"),
        ("```\na\n~~~\n``\n```` \nz", "a\n~~~\n``\nz"),
        ("```\n```py\n        ```\n```", "```py\n        ```\n"),
        ("- a\n\n  ```js\n  let b\n  ```\n- c", "- a\n\n  let b\n- c"),
        ("1. ```\r\n   b\r\n   ```\r\nc", "1.\r\n   b\r\nc"),
        ("> ```\n> a > b\n>\n> ```\nc", "a > b\n\nc"),
        ("> ```\n> code\nout **b**", "code\nout b"),
        ("```py\nnever closed **", "never closed **"),
        ("```py", ""),
        ("a ```b``` c", "a b c"),
        ("```b``` c", "b c"),
    ],
)
def test_fenced_code_loses_only_its_fences(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("[text](https://x.org)", "text (https://x.org)"),
        ("[https://x.org](https://x.org)", "https://x.org"),
        ("[](https://x.org)", "https://x.org"),
        ("[a]()", "a"),
        ('[a](b "t"), [a](<b c>), [a]( b )', "a (b), a (b c), a (b)"),
        ("[a](https://x.org/b_(c)), [a](b\\_c)", "a (https://x.org/b_(c)), a (b_c)"),
        ("[**a** `b`](c)", "a b (c)"),
        ("**[a](b_c)** d", "a (b_c) d"),
        ("![alt](x.png)!", "alt!"),
        ("[![alt](x.png)](y)", "alt (y)"),
        ("<https://x.org/_a_> <mailto:a@x.org>", "https://x.org/_a_ mailto:a@x.org"),
    ],
)
def test_links_keep_their_text_and_url(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    "text",
    [
        "[1] and [ ] and [a][b] and [a] (b)",
        "[1](see below)",
        "items[0](x), m[a][b]",
        "[open](https://x",
        "\\[ E = mc^2 \\](x)",
        "<https://open, <http, List<String>, a < b > c, <b>x</b>, &lt;",
    ],
)
def test_what_only_looks_like_a_link_stays(text: str) -> None:
    check(text, text)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("* a\n  + b\n\t- **c**\n- d", "- a\n  - b\n\t- c\n- d"),
        ("1. a\n   * b\n10) *c*", "1. a\n   - b\n10) c"),
        ("- [ ] a\n- [x] b", "- [ ] a\n- [x] b"),
        ("- # a\n- - b", "- a\n- - b"),
        ("-5\n+a\n*\n1.a\n2024 was", "-5\n+a\n*\n1.a\n2024 was"),
        ("> a\n> > *b*\n>\n> - c", "a\nb\n\n- c"),
        (">5\n->\n> ", ">5\n->\n"),
    ],
)
def test_lists_and_quotes(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize("rule", ["---", "***", "___", "* * *", " - - -  ", "-----", "> ---"])
def test_a_rule_becomes_an_empty_line(rule: str) -> None:
    check(f"a\n{rule}\nb", "a\n\nb")
    check(f"a\r\n{rule}\r\nb", "a\r\n\r\nb")
    check(rule, "")


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("| a | b |\n|---|:-:|\n| *1* | 2 |\n", "a | b\n1 | 2\n"),
        ("|a|b|\r\n|-|-|\r\n|1|2|\r\n", "a | b\r\n1 | 2\r\n"),
        ("|a|b|\n|-|-|\n|1|2", "a | b\n1 | 2"),
        ("a | b\n--- | ---\n1 | 2", "a | b\n1 | 2"),
        ("| a |  | c |", "a |  | c"),
        ("| `a|b` | c\\|d |", "a|b | c|d"),
        ("> | a |\n> |---|\n> | 1 |", "a\n1"),
        ("|x| < 5\na | b\n|| c\n|", "|x| < 5\na | b\n|| c\n|"),
    ],
)
def test_tables_stay_readable(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("\\*a\\* \\_b\\_ 1\\. \\# \\`c\\`", "*a* _b_ 1. # `c`"),
        ("\\**a*", "*a"),
        ("\\\\*a*", "\\\\a"),
        ("C:\\dir \\( x \\) \\{y\\} \\\\ \\", "C:\\dir \\( x \\) \\{y\\} \\\\ \\"),
        ("`\\*`", "\\*"),
    ],
)
def test_escaped_marks_lose_their_backslash(markdown_text: str, plain: str) -> None:
    check(markdown_text, plain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  leading\r\n\ttabs\r\n\r\n  trailing  \r\n",
        "👩\u200d💻 שבת \u200fשלם é e\u0301 \u2028 \x0b \x85 \x00",
        "one\rtwo",
        "Title\n=====",
        "Is it 3 < 4? Yes: it's (almost) 100% so; say “hi” to a@b.org!",
    ],
)
def test_text_without_markdown_passes_byte_for_byte(text: str) -> None:
    check(text, text)


@given(texts_in_pieces())
def test_pieces_joined_equal_the_whole(pieces: list[str]) -> None:
    assert strip_in_pieces(pieces) == strip_markdown("".join(pieces))


@pytest.mark.parametrize("reach", [3, 12, 70])
@given(pieces=texts_in_pieces())
def test_pieces_joined_equal_the_whole_at_the_edge_of_the_reach(reach: int, pieces: list[str]) -> None:
    assert strip_in_pieces(pieces, reach) == strip_in_pieces(["".join(pieces)], reach)


@given(st.text(PROSE))
def test_prose_never_changes(text: str) -> None:
    assert strip_markdown(text) == text


@given(any_text)
def test_only_joined_cells_can_lengthen_a_text(text: str) -> None:
    assert len(strip_markdown(text)) <= len(text) + 2 * text.count("|")


@given(any_text.map(lambda text: text.replace("`", "")))
def test_fenced_code_comes_out_as_it_went_in(code: str) -> None:
    code = code.replace("\r", "") + "\n"
    assert strip_markdown(f"```\n{code}```\n") == code


@given(st.text(PROSE, max_size=200))
def test_prose_is_returned_as_it_comes(text: str) -> None:
    assert longest_wait(text) <= max(len(line) - len(line.lstrip()) for line in text.split("\n")) + 4


def test_words_of_a_paragraph_never_wait() -> None:
    stripper = MarkdownStripper()
    words = ["It's ", "2024 ", "(or ", "so), ", "a ", "well-known ", "year: ", "right?", "\n"]
    assert [stripper.feed(word) for word in words * 5] == words * 5


def test_code_never_waits_but_for_its_indentation() -> None:
    stripper = MarkdownStripper()
    stripper.feed("```py\n")
    pieces = ["if ", "*a*:\n", "    ", "b", " = [c](d) ", "** 2\n"]
    returned = ["if ", "*a*:\n", "", "    b", " = [c](d) ", "** 2\n"]
    assert [stripper.feed(piece) for piece in pieces] == returned


def test_an_open_mark_waits_for_its_closer_and_then_all_flows() -> None:
    stripper = MarkdownStripper()
    pieces = ["so **bo", "ld", "** or", " *not", " at all\n", "next"]
    returned = ["so ", "", "bold or", " ", "*not at all\n", "next"]
    assert [stripper.feed(piece) for piece in pieces] == returned


@pytest.mark.parametrize("opened", ["*", "`", "[", "[a](", "**`", "*[a `", "|a", "<https://"])
def test_a_mark_that_never_closes_waits_for_a_bounded_time(opened: str) -> None:
    text = opened + "abc " * 5000
    assert longest_wait(text) <= 2 * REACH + 100
    check(text, text)


def test_a_mark_reaches_so_far_and_no_farther() -> None:
    near, far = "a" * (REACH - 2), "a" * REACH
    check(f"**{near}** b", f"{near} b")
    check(f"**{far}** b", f"**{far}** b")
    check(f"`{far}` **b**", f"`{far}` b")


@pytest.mark.parametrize(
    "unit",
    [
        *["*", "`", "[", "_", "~", "!", "<", "\\", "#", "|", "- ", "> ", "\n", " "],
        *["*a ", "*a_ ", "`a``b", "[a](", "[](<", "![a](b)", "[[a](b)](c)", "```\n", "# # ", "|a"],
    ],
)
def test_a_long_run_of_marks_is_read_once(unit: str) -> None:
    """A quadratic reader would take minutes here, and this file has seconds."""
    text = unit * (300_000 // len(unit))
    whole = strip_markdown(text)
    assert len(whole) <= len(text) + 2 * text.count("|")
    assert strip_in_pieces([text[:5000], *text[5000:8000], text[8000:]]) == whole


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain 😀 \n", "plain 😀 \n"),
        ("a\x00b\x00", "ab"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        ("\x00", ""),
    ],
)
def test_what_postgres_cannot_hold_is_cleaned(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@given(st.text(st.characters()))
def test_clean_text_can_always_be_encoded_and_leaves_the_rest(text: str) -> None:
    cleaned = clean_text(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean_text(cleaned) is cleaned
