"""Which new passwords are too easily guessed."""

import pytest
from django.test import override_settings
from rest_framework.exceptions import ValidationError

from safycore_backend.errors import InvalidInput
from users.passwords import NAMES_THE_PRODUCT, TOO_COMMON, refuse_own_address, weakness
from users.serializers import PasswordField


@pytest.mark.parametrize("password", ["password", "PassWord1", "12345678", "1234567890", "qwertyuiop", "iloveyou1"])
def test_what_many_people_use_is_weak(password: str) -> None:
    assert weakness(password) == TOO_COMMON


@pytest.mark.parametrize(
    "password", ["SafyCore", "safycore1", "!!SAFYCORE2026!!", "chat.example.org", "chat.example.org1"]
)
def test_the_name_of_the_service_is_weak(password: str) -> None:
    with override_settings(SITE_URL="https://chat.example.org"):
        assert weakness(password) == NAMES_THE_PRODUCT


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "tr0ub4dor&3x",
        "8 signs!",
        "a" * 72,
        "ключ от дома",
        "密码密码密码密码",
        "🐎🔋📎✅🐎🔋📎✅",
        "1029384756102",
    ],
)
def test_nothing_else_is(password: str) -> None:
    assert weakness(password) is None


@pytest.mark.parametrize("site", ["http://127.0.0.1:8000", "http://[::1]:8000"])
def test_a_site_without_a_name_makes_no_password_weak(site: str) -> None:
    with override_settings(SITE_URL=site):
        assert weakness("8 signs, 2 words!") is None
        assert weakness("20262027-20282029") is None


@pytest.mark.parametrize(
    "password",
    [
        "alice.smith@example.com",
        "ALICE.SMITH@EXAMPLE.COM",
        "alice.smith",
        "Alice.Smith",
        "alice.smith2026!",
        "99alice.smith",
    ],
)
def test_ones_own_address_is_refused_with_its_field(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_own_address(password, "Alice.Smith@example.com", "new_password")
    assert set(refused.value.fields or ()) == {"new_password"}


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("alice likes horses", "alice@example.com"),
        ("somebody@example.com", "alice@example.com"),
        ("anything at all", None),
        ("anything at all", ""),
        ("20262027-20282029", "12345@example.com"),
        ("a long enough one", "a@example.com"),
    ],
)
def test_other_passwords_are_not(password: str, email: str | None) -> None:
    refuse_own_address(password, email, "password")


@pytest.mark.parametrize("password", ["a" * 64, "a" * 72, " 8 blanks", "é" * 36, "密" * 24, "12345 78"])
def test_length_and_characters_are_free_within_what_bcrypt_reads(password: str) -> None:
    assert PasswordField(new=True).run_validation(password) == password


@pytest.mark.parametrize("password", ["é" * 7, "🐎" * 7, "a" * 73, "é" * 37, "password"])
def test_characters_are_counted_at_the_short_end_and_bytes_at_the_long_one(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PasswordField(new=True).run_validation(password)
    (sentence,) = refused.value.detail
    assert str(sentence).endswith(".")


@pytest.mark.parametrize("password", ["x", "password", "safycore"])
def test_a_password_that_somebody_has_is_not_judged(password: str) -> None:
    assert PasswordField().run_validation(password) == password
