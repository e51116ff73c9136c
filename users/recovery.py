"""What a refused password leaves of a reset link, which Supabase takes once: a recovery token, for the next try.

It is the access token of the session that the link opened, encrypted with a key of this deployment. The reset door
alone takes it, for RETRY_SECONDS, and only to set a password; the access token itself would open everything.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

from safycore_backend.errors import ApiError
from users.errors import LinkNotValid

RETRY_SECONDS = 900
_SALT = "safycore.recovery"


@contextmanager
def tried_again_with(access_token: str) -> Iterator[None]:
    """An error that is raised within carries a `recovery_token`; not where the session itself is over."""
    try:
        yield
    except LinkNotValid:
        raise
    except ApiError as error:
        error.extra = {**error.extra, "recovery_token": sealed(access_token)}
        raise


def sealed(access_token: str) -> str:
    return _fernet().encrypt(access_token.encode()).decode()


def unsealed(recovery_token: str) -> str:
    """The access token; raises LinkNotValid for anything but a recovery token of the last RETRY_SECONDS."""
    try:
        return _fernet().decrypt(recovery_token.encode(), ttl=RETRY_SECONDS).decode()
    except InvalidToken as exc:
        raise LinkNotValid from exc


def _fernet() -> Fernet:
    """By DJANGO_SECRET_KEY, so that every instance reads what another one has sealed."""
    return Fernet(base64.urlsafe_b64encode(salted_hmac(_SALT, "", algorithm="sha256").digest()))
