"""The models on offer, with the fields and sizes Groq gives them."""

import msgspec


class Model(msgspec.Struct, frozen=True):
    id: str
    created: int
    owned_by: str
    context_window: int
    max_completion_tokens: int
    object: str = "model"
    active: bool = True


MODELS = {
    model.id: model
    for model in (
        Model("openai/gpt-oss-120b", 1754408224, "OpenAI", 131072, 65536),
        Model("openai/gpt-oss-20b", 1754407957, "OpenAI", 131072, 65536),
        Model("qwen/qwen3-32b", 1748396646, "Alibaba Cloud", 131072, 40960),
    )
}
