"""The service key, which goes past every policy: no module that a request runs through names it."""

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = ("get_supabase_admin_client", "SUPABASE_SECRET_KEY")
# Where it is read, and where it is made into a client; what asks for one is for commands.
KNOWN = {"safycore_backend/settings.py", "safycore_backend/supabase_client.py"}
COMMANDS = ("safycore_backend/doctor/", "safycore_backend/isolation/", "safycore_backend/management/")
MODULES = sorted(
    str(path.relative_to(CHECKOUT))
    for name in ("safycore_backend", "users", "chat")
    for path in CHECKOUT.glob(f"{name}/**/*.py")
)


def names(module: str) -> set[str]:
    text = (CHECKOUT / module).read_text()
    return {name for name in NAMES if name in text}


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(COMMANDS)])
def test_no_module_of_a_request_names_the_service_key(module: str) -> None:
    assert not names(module) or module in KNOWN


def test_it_would_be_noticed() -> None:
    assert any(names(module) for module in MODULES if module.startswith(COMMANDS))
    assert all(names(module) for module in KNOWN)
