"""chat/answering.py: once more where that can help, and not at all while the model is known to be down."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from django.test import override_settings

from chat import llm
from chat.answering import Answering
from chat.breaker import Breaker
from chat.errors import ContextTooLong, ModelBroken, ModelBusy, ModelError, ModelUnavailable
from local_stack.groq_stand_in import Script, StandIn, serve

Proxies = Callable[..., None]
PROMPT = [{"role": "user", "content": "Hello"}]
MODEL = "openai/gpt-oss-120b"


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with serve() as running:
        with override_settings(GROQ_BASE_URL=running.url):
            await llm.close_client()
            yield running
            await llm.close_client()


async def ask(answering: Answering) -> str:
    heard: list[str] = []
    await answering.complete(PROMPT, MODEL, heard.append)
    return "".join(heard)


async def test_one_failure_before_the_first_text_is_not_noticed(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=500))
    assert await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_second_failure_is_the_answer(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=503), times=2)
    with pytest.raises(ModelUnavailable):
        await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_short_wait_that_the_model_asks_for_is_kept(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=429, retry_after=0))
    assert await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_long_wait_is_left_to_the_client(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=429, retry_after=30))
    with pytest.raises(ModelBusy) as refused:
        await ask(Answering(Breaker()))
    assert refused.value.retry_after == 30
    assert stand_in.total == 1


async def test_what_a_second_try_would_not_mend_is_not_tried_again(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=400, error_code="context_length_exceeded"))
    with pytest.raises(ContextTooLong):
        await ask(Answering(Breaker()))
    assert stand_in.total == 1


async def test_after_the_first_text_nothing_is_tried_again(stand_in: StandIn) -> None:
    stand_in.queue(Script(tokens=10, after=3, cut=True))
    heard: list[str] = []
    with pytest.raises(ModelBroken):
        await Answering(Breaker()).complete(PROMPT, MODEL, heard.append)
    assert heard
    assert stand_in.total == 1


async def test_of_many_at_once_each_gets_its_own_text_whole_and_in_fewer_pieces(stand_in: StandIn) -> None:
    """With many, connections are left unread for moments in which more arrives."""
    texts = [f"Reply {n}: " + "word " * 60 for n in range(60)]
    heard = await heard_at_once(texts)
    assert ["".join(said) for said in heard] == texts
    # Half as many as there are words; a busy machine makes them fewer yet.
    assert max(map(len, heard)) < 60 * 0.8


async def heard_at_once(texts: list[str]) -> list[list[str]]:
    """The pieces of each, as the model says them at the same time and at a steady pace."""
    heard: list[list[str]] = [[] for _ in texts]

    async def one(text: str, said: list[str]) -> None:
        script = msgspec.json.encode({"text": text, "tokens_per_second": 100}).decode()
        await Answering(Breaker()).complete([{"role": "user", "content": f"!script {script}"}], MODEL, said.append)

    await asyncio.gather(*map(one, texts, heard))
    return heard


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> Proxies:
    """Sets these, and no others."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (*names, *map(str.lower, names)):
        monkeypatch.delenv(name, raising=False)

    def set_them(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_them


@pytest.mark.parametrize(
    ("base", "proxy"),
    [
        ("https://api.groq.com", "http://proxy.test:3128"),
        ("http://10.0.0.7:8000/v1", "http://any.test:80"),
        ("https://here.test", None),
    ],
)
def test_a_proxy_of_the_environment_is_used(base: str, proxy: str | None, proxies: Proxies) -> None:
    # The one is written without its scheme, as many do.
    proxies(HTTPS_PROXY="proxy.test:3128", ALL_PROXY="http://any.test:80", NO_PROXY="here.test")
    with override_settings(GROQ_BASE_URL=base):
        assert llm._proxy() == proxy


async def test_the_model_is_asked_through_the_proxy(stand_in: StandIn, proxies: Proxies) -> None:
    proxies(HTTP_PROXY=stand_in.url)
    with override_settings(GROQ_BASE_URL="http://model.test"):
        assert await ask(Answering(Breaker()))
    assert stand_in.total == 1


async def test_a_refusal_is_read_to_its_end(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=400, error_code="context_length_exceeded", split_bytes=7))
    with pytest.raises(ContextTooLong):
        await ask(Answering(Breaker()))


async def test_while_the_breaker_is_open_the_model_is_not_asked(stand_in: StandIn) -> None:
    answering = Answering(Breaker(failures=2, seconds=60))
    stand_in.queue(Script(status=500), times=2)
    with pytest.raises(ModelError):
        await ask(answering)
    with pytest.raises(ModelUnavailable) as refused:
        await ask(answering)
    assert refused.value.retry_after in {59, 60}
    assert stand_in.total == 2
