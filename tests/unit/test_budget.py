"""What a reply has cost."""

from typing import Any

import pytest

from chat.budget import spent
from chat.domain import FinalStatus, Outcome

PROMPT = [{"role": "system", "content": "a" * 40}, {"role": "user", "content": "b" * 40}]
ESTIMATED_PROMPT = 2 * (10 + 4)


@pytest.mark.parametrize("status", ["complete", "stopped", "interrupted", "error"])
def test_the_servers_count_is_taken_however_the_reply_ended(status: FinalStatus) -> None:
    usage = {"prompt_tokens": 137, "completion_tokens": 22, "total_tokens": 9_999}
    assert spent(Outcome(status, usage=usage), PROMPT, "text") == 159


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"total_tokens": 5},
        {"prompt_tokens": 5},
        {"prompt_tokens": "5", "completion_tokens": 5},
        {"prompt_tokens": -5, "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": 5.5, "completion_tokens": None},
    ],
    ids=repr,
)
def test_what_is_no_count_is_estimated(usage: dict[str, Any] | None) -> None:
    assert spent(Outcome("complete", usage=usage), PROMPT, "c" * 40) == ESTIMATED_PROMPT + 14


def test_a_reply_stopped_before_its_first_word_has_cost_its_prompt() -> None:
    assert spent(Outcome("stopped"), PROMPT, "") == ESTIMATED_PROMPT


def test_a_reply_that_failed_before_its_first_word_has_cost_nothing() -> None:
    assert spent(Outcome("error", error="busy"), PROMPT, "") == 0
