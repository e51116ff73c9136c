"""safycore_backend/api.py: one serializer for all requests keeps nothing of any of them."""

from typing import Any

import django
import pytest
from rest_framework.exceptions import ValidationError

django.setup()

from chat.serializers import ChatRequest  # noqa: E402  # needs the apps
from safycore_backend.api import parsed  # noqa: E402


def test_what_one_request_says_is_not_in_the_next() -> None:
    first = parsed(ChatRequest, {"message": "one", "session_id": "chat", "client_message_id": "key"})
    first["message"] = "changed"
    assert parsed(ChatRequest, {"message": "two"}) == {"message": "two"}


@pytest.mark.parametrize("data", [None, [], "text", {}, {"message": 5}, {"message": "", "session_id": "a/b"}])
def test_a_refusal_is_what_drf_makes_of_it_and_is_over_with_it(data: Any) -> None:
    alone = ChatRequest(data=data)
    assert not alone.is_valid()
    with pytest.raises(ValidationError) as refused:
        parsed(ChatRequest, data)
    assert refused.value.detail == alone.errors
    assert parsed(ChatRequest, {"message": "fine"}) == {"message": "fine"}
