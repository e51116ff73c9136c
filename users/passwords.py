"""Which new passwords are refused, after OWASP ASVS 5 (6.2): the guessable ones. Nothing is asked of their characters.

Passwords that people have already are never held against this.
"""

import re

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator

from safycore_backend.environment import host_of
from safycore_backend.errors import InvalidInput

TOO_COMMON = "Many people use this password, so it is among the first to be guessed. Choose another one."
NAMES_THE_PRODUCT = "This password is the name of this service. Choose another one."
NAMES_THE_PERSON = "This password is your address. Choose another one."
PRODUCT = "safycore"
# Django's list of 20,000, in small letters; read while the server starts.
_COMMON = CommonPasswordValidator().passwords
# What people put around a word to make a password of it.
_FEWEST_LETTERS = 4
_DECORATION = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def weakness(password: str) -> str | None:
    """A sentence on why nobody should have this password; None for a good one."""
    if {password.lower(), password.casefold()} & _COMMON:
        return TOO_COMMON
    return NAMES_THE_PRODUCT if _is_one_of(password, [PRODUCT, host_of(settings.SITE_URL)]) else None


def refuse_own_address(password: str, email: str | None, field: str) -> None:
    """Raises InvalidInput for one's own address, or the part before the @, as a password."""
    if email and _is_one_of(password, [email, email.rpartition("@")[0]]):
        raise InvalidInput(fields={field: [NAMES_THE_PERSON]})


def _is_one_of(password: str, words: list[str]) -> bool:
    """Whether it is one of the words, in any letters and whatever digits and signs stand around it.

    Of a word with few letters of its own only the word itself: it may stand in a good password by chance.
    """
    bare = _bare(password)
    is_long = len(bare) >= _FEWEST_LETTERS
    return any(password.casefold() == word.casefold() or (is_long and bare == _bare(word)) for word in words)


def _bare(text: str) -> str:
    return _DECORATION.sub("", text.casefold())
