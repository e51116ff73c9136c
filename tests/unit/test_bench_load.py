import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.counting import Requests
from bench.errors import BenchError
from bench.figures import Figure
from bench.load import LOST, Answer, Crowd, Load
from bench.model import WORD
from bench.steps import Step, figures_of
from bench.targets import get, post

REFUSED = Answer(503, 1.0, None, 0.1, b"HTTP/1.1 503\r\nRetry-After: 1\r\n\r\n", b"{}")
ASKED = [post("/a/?x=1", {"text": "GET / HTTP/1.1\r\n\r\n"}), get("/b/"), post("/a/", {})]


def _answer(begun: float = 0.0, words: int = 4, seconds: float = 2.0) -> Answer:
    return Answer(200, begun, 0.5, seconds, b"HTTP/1.1 200 OK\r\n\r\n", f"{WORD}1 ".encode() * words)


def test_a_reply_is_whole_when_every_word_came() -> None:
    load = Load([_answer(), _answer(words=3), _answer(words=5), LOST], tokens=4)
    assert len(load.whole) == 1
    assert load.lost == 3


def test_refused_with_a_time_to_come_back_is_not_lost() -> None:
    unsaid = Answer(503, 1.0, None, 0.1, b"HTTP/1.1 503\r\n\r\n", b"{}")
    load = Load([REFUSED, unsaid], tokens=4)
    assert load.refused == [REFUSED]
    assert load.lost == 1


def test_refused_is_unanswered_all_the_same() -> None:
    assert Load([_answer(), REFUSED, LOST], tokens=4).unanswered == 2


def test_the_rate_counts_whole_replies_from_the_first_request_to_the_last_end() -> None:
    load = Load([_answer(begun=10.0), _answer(begun=13.0), REFUSED, LOST], tokens=4)
    assert load.rate == pytest.approx(2 / (15.0 - 1.0))


def test_a_load_without_any_whole_reply_is_no_measurement() -> None:
    with pytest.raises(BenchError, match=r"somebody gave no whole reply.*503"):
        Load([LOST, REFUSED], tokens=4).checked("somebody")


def test_a_crowd_with_a_number_of_replies_asks_exactly_so_often() -> None:
    assert list(Crowd(clients=3, replies=5).numbers()) == [0, 1, 2, 3, 4]


def test_a_crowd_whose_time_is_up_asks_no_more() -> None:
    assert list(Crowd(clients=3, seconds=-1).numbers()) == []


@given(st.lists(st.integers(1, 60)))
def test_requests_are_counted_wherever_the_bytes_are_torn(lengths: list[int]) -> None:
    requests, sent = Requests(), b"".join(ASKED)
    found: list[str] = []
    for length in [*lengths, len(sent)]:
        found += requests.feed(sent[:length])
        sent = sent[length:]
    assert found == ["POST /a/", "GET /b/", "POST /a/"]


def _step(clients: int, goodput: float, lost: int = 0) -> Step:
    return Step(clients, goodput, refused=0, lost=lost, first_p99_ms=10)


def _named(figures: list[Figure], end: str) -> Figure:
    return next(figure for figure in figures if figure.name.endswith(end))


def test_the_knee_is_the_first_step_that_brings_almost_the_best() -> None:
    figures = figures_of([_step(50, 20), _step(100, 40), _step(200, 76), _step(400, 80), _step(800, 78)])
    assert _named(figures, "the knee").value == 200
    assert _named(figures, "of the best").value == pytest.approx(76 / 80)


def test_a_rate_that_sinks_after_the_knee_is_seen() -> None:
    figures = figures_of([_step(100, 80), _step(200, 40, lost=3), _step(400, 60)])
    flat = _named(figures, "of the best")
    assert flat.value == pytest.approx(0.5)
    assert flat.goal is not None
    assert not flat.goal.reached(flat.value)
    assert _named(figures, "load: lost").value == 3


def test_a_step_counts_what_ended_while_everybody_was_there() -> None:
    crowd = Crowd(clients=2, ramp=1.0, seconds=4.0)
    early, there, late = _answer(begun=0.0, seconds=0.9), _answer(begun=1.0), _answer(begun=4.0)
    step = Step.of(crowd, Load([early, there, late, REFUSED], tokens=4))
    assert step.goodput == pytest.approx(1 / 4)
    assert step.refused == pytest.approx(1 / 4)
