"""The model's server: does it take the key, and has it the models that are offered."""

import httpx
import msgspec
from django.conf import settings

from safycore_backend.doctor.examination import Check, Facts
from safycore_backend.doctor.report import Outcome, fail, ok
from safycore_backend.environment import is_this_machine

_KEY = "Make a key in Groq's console and set GROQ_API_KEY to it; for another server see GROQ_BASE_URL."
_URL = "See GROQ_BASE_URL: https://api.groq.com, or a server with the same protocol, such as one that ends in /v1."


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


class _Refusal(msgspec.Struct):
    code: str = ""


class _Refused(msgspec.Struct):
    error: _Refusal = msgspec.field(default_factory=_Refusal)


def _address(path: str) -> str:
    """As the chat asks: Groq's path, or a server's own /v1."""
    base = settings.GROQ_BASE_URL
    return f"{base}/{path}" if base.endswith("/v1") else f"{base}/openai/v1/{path}"


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.GROQ_API_KEY}"}


async def reachable(facts: Facts) -> Outcome:
    base = settings.GROQ_BASE_URL
    try:
        response = await facts.http.get(_address("models"), headers=_headers())
    except httpx.HTTPError as exc:
        return fail(f"{base} cannot be reached ({type(exc).__name__})", _URL)
    if response.status_code in {401, 403}:
        return fail(f"{base} does not take GROQ_API_KEY", _KEY)
    try:
        facts.models = {model.id for model in msgspec.json.decode(response.content, type=_Models).data}
    except msgspec.MsgspecError:
        return fail(f"{base} answers {response.status_code}, and no list of models", _URL)
    if not base.startswith("https://") and not is_this_machine(base):
        return fail(f"{base} is not https: what people write travels in the open", _URL)
    return ok(f"{base} offers {len(facts.models)} models")


async def offer(facts: Facts) -> Outcome:
    missing = [model for model in settings.GROQ_MODELS if model not in facts.models]
    if not missing:
        return ok(", ".join(settings.GROQ_MODELS))
    some = ", ".join(sorted(facts.models)[:5])
    return fail(
        f"not on offer there: {', '.join(missing)}",
        f"Set GROQ_MODEL and GROQ_MODELS to models that are, such as {some}.",
    )


async def reply(facts: Facts) -> Outcome:
    if not facts.ask_model:
        return Outcome("skipped", "because --ask-model was not given")
    body = {"model": settings.GROQ_MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 1}
    response = await facts.http.post(
        _address("chat/completions"), json=body, headers=_headers(), timeout=settings.GROQ_FIRST_TOKEN_TIMEOUT
    )
    if response.status_code == 200:
        return ok(f"{settings.GROQ_MODEL} answers")
    return fail(
        f"{settings.GROQ_MODEL} answers {response.status_code} {_code(response)}".rstrip(),
        "429: wait, or raise the limits of your account with the model's provider."
        if response.status_code == 429
        else "See the model's page in its provider's console: whether your account may use it.",
    )


def _code(response: httpx.Response) -> str:
    """The machine's word for it; never the provider's text."""
    try:
        return msgspec.json.decode(response.content, type=_Refused).error.code
    except msgspec.MsgspecError:
        return ""


CHECKS = (
    Check("model.reachable", "Model's server", reachable, silent=_URL),
    Check("model.offer", "Models on offer", offer, ("model.reachable",)),
    Check("model.reply", "A reply of one token", reply, ("model.reachable", "model.offer"), silent=_URL),
)
