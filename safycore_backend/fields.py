"""Fields that take what was sent or refuse it, and never turn it into something else."""

import re
from typing import Any

from rest_framework import serializers

_NOT_IN_SESSION_ID = re.compile(r"[/\x00-\x1f\x7f]")


class StrictCharField(serializers.CharField):
    """Text, exactly as sent: not trimmed, numbers not turned into text, NUL and lone surrogates refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class SessionIdField(StrictCharField):
    """1 to 255 characters; no slash and no control characters, which could not stand in an address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=255, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if _NOT_IN_SESSION_ID.search(value) or value in {".", ".."}:
            raise serializers.ValidationError("Leave out slashes and control characters.")
        return value
