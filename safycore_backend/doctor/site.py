"""What can be told from the settings alone: addresses, origins, debug mode, files."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from safycore_backend.doctor.examination import Check, Facts
from safycore_backend.doctor.report import Outcome, fail, ok, warn
from safycore_backend.environment import host_of, is_this_machine

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


async def loaded(facts: Facts) -> Outcome:
    return ok("every variable can be read")


async def site_url(facts: Facts) -> Outcome:
    url = settings.SITE_URL
    if urlsplit(url).path:
        return fail(
            f"SITE_URL has a path: {url}", "Leave out everything behind the host: links in mails add their own."
        )
    if url.startswith("https://"):
        return ok(url)
    if is_this_machine(url):
        return ok(f"{url}, this machine only")
    return fail(
        f"{url} is not https: passwords and tokens travel in the open",
        "Put a proxy with TLS before the server, set SITE_URL to its https:// address and BEHIND_PROXY to true.",
    )


async def hosts(facts: Facts) -> Outcome:
    names, own = settings.ALLOWED_HOSTS, host_of(settings.SITE_URL)
    if "*" in names:
        return fail("ALLOWED_HOSTS lets every name in", f"Set it to the names the server goes by, such as {own}.")
    if not any(own == name or (name.startswith(".") and own.endswith(name)) for name in names):
        return fail(
            f"ALLOWED_HOSTS ({', '.join(names)}) lacks the host of SITE_URL, {own}",
            f"Add {own} to ALLOWED_HOSTS, or leave the variable out.",
        )
    return ok(", ".join(names))


async def debug(facts: Facts) -> Outcome:
    if settings.DEBUG:
        return warn("on: errors show internals", "Leave DEBUG out, except on your own machine.")
    return ok("off")


async def origins(facts: Facts) -> Outcome:
    named = settings.CORS_ALLOWED_ORIGINS
    plain = [origin for origin in named if not origin.startswith("https://") and not is_this_machine(origin)]
    if plain:
        return warn(
            f"{', '.join(plain)}: not https, so whoever is on the way can act as that page",
            "Serve the front end over https and name it so in CORS_ALLOWED_ORIGINS.",
        )
    return ok(f"pages of {', '.join(named)} may call the API" if named else "no page of another host may call the API")


async def proxy(facts: Facts) -> Outcome:
    behind = settings.SECURE_PROXY_SSL_HEADER is not None
    if settings.SITE_URL.startswith("https://") and not behind:
        return warn(
            "SITE_URL is https and BEHIND_PROXY is not set: a request that a proxy hands on is redirected for ever",
            "Where a proxy ends TLS, have it set X-Forwarded-Proto, and set BEHIND_PROXY to true.",
        )
    if behind and not settings.TRUSTED_PROXIES:
        return warn(
            "BEHIND_PROXY is set and TRUSTED_PROXIES is 0: everybody shares the limits of the proxy's address",
            "Set TRUSTED_PROXIES to how many proxies of yours add to X-Forwarded-For.",
        )
    return ok(f"{settings.TRUSTED_PROXIES} before the server" if behind else "none before the server")


async def env_file(facts: Facts) -> Outcome:
    path = settings.BASE_DIR / ".env"
    if not path.exists():
        return ok("there is none; the environment has it all")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        return fail(f"{path} is open to others on this machine (mode {mode:04o})", f"chmod 600 {path}")
    return ok(f"{path}, mode {mode:04o}")


def open_to_others(path: Path) -> bool:
    """Whether everybody on this machine can read the file: it says so, and the folder lets them in."""
    if not path.exists():
        return False
    return bool(path.stat().st_mode & stat.S_IROTH and path.parent.stat().st_mode & stat.S_IXOTH)


CHECKS = (
    Check("settings", "Settings", loaded),
    Check("site.url", "SITE_URL", site_url),
    Check("site.hosts", "ALLOWED_HOSTS", hosts),
    Check("site.debug", "DEBUG", debug),
    Check("site.origins", "CORS origins", origins),
    Check("site.proxy", "Proxies", proxy),
    Check("site.env_file", "File .env", env_file),
)
