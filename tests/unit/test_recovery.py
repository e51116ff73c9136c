"""users/recovery.py: what a refused password leaves of a reset link."""

import base64
import time

import pytest

from safycore_backend.errors import InvalidInput
from users import recovery
from users.errors import LinkNotValid
from users.recovery import RETRY_SECONDS, sealed, tried_again_with, unsealed


def sealed_before(seconds: int) -> str:
    return recovery._fernet().encrypt_at_time(b"the token", int(time.time()) - seconds).decode()


def test_what_was_sealed_is_read_for_as_long_as_it_is_said() -> None:
    assert unsealed(sealed("the token")) == unsealed(sealed_before(RETRY_SECONDS - 30)) == "the token"
    with pytest.raises(LinkNotValid):
        unsealed(sealed_before(RETRY_SECONDS + 2))


def test_each_changed_byte_is_noticed() -> None:
    token = base64.urlsafe_b64decode(sealed("the token"))
    for place in range(len(token)):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        with pytest.raises(LinkNotValid):
            unsealed(base64.urlsafe_b64encode(changed).decode())


def test_a_refusal_carries_the_token_and_keeps_what_it_says() -> None:
    with pytest.raises(InvalidInput) as refused, tried_again_with("the token"):
        raise InvalidInput(fields={"new_password": ["No."]}, extra={"more": 1})
    extra = dict(refused.value.extra)
    assert unsealed(extra.pop("recovery_token")) == "the token"
    assert extra == {"more": 1}
    assert refused.value.fields == {"new_password": ["No."]}


def test_a_session_that_is_over_leaves_nothing_to_try_with() -> None:
    with pytest.raises(LinkNotValid) as refused, tried_again_with("the token"):
        raise LinkNotValid
    assert refused.value.extra == {}
