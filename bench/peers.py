"""What others would use instead, before the same model: `--peer NAME`.

nginx is the floor, and must be installed; the relay is ours. LiteLLM (0.6 GB) and Open WebUI (1.6 GB) get environments
of their own, below .bench/peers, the first time that they are asked for. All of them stand before the scripted model
with one worker, and are asked through OpenAI's API.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.accounting import pin
from bench.errors import BenchError
from bench.model import NAME
from bench.progress import say
from bench.rig import Rig
from bench.targets import OpenAiApi
from bench.turn import Subject
from local_stack.processes import CHECKOUT, Child, StackError, free_port

ENVIRONMENTS = CHECKOUT / ".bench" / "peers"
UV = CHECKOUT / ".tools" / "bin" / "uv"
START_SECONDS = 180
KEY = "sk-bench"


@dataclass(frozen=True)
class Way:
    """How to start a peer, and how it is asked."""

    command: Sequence[str | Path]
    path: str
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)
    # Asked once it is ready, with its address; answers the key to ask with.
    sign_in: Callable[[str], str] = lambda _address: KEY


@asynccontextmanager
async def started(name: str, rig: Rig) -> AsyncIterator[Subject]:
    """A peer, alone on the server's core. Raises BenchError when it cannot be had."""
    folder, port = Path(tempfile.mkdtemp(prefix=f"bench-{name}-")), free_port()
    way = PEERS[name](folder, port, rig.model_port)
    say(f"{name}: starting")
    with rig.cores.all_for_children():
        child = Child(name, way.command, log=folder / "log", env={**os.environ, **way.environment})
    try:
        child.wait_until(lambda: _answers(f"http://127.0.0.1:{port}{way.ready}"), seconds=START_SECONDS)
        key = way.sign_in(f"http://127.0.0.1:{port}")
        pin(child.process.pid, rig.cores.server)
        yield Subject(name, OpenAiApi(port, way.path, key), child.process.pid)
    except StackError as exc:
        raise BenchError(str(exc)) from exc
    finally:
        child.stop(seconds=5)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool | None:
    try:
        return httpx.get(url, timeout=2).status_code < 500 or None
    except httpx.TransportError:  # not listening yet
        return None


def _installed(name: str, wanted: str, left_out: str | None = None) -> Path:
    """The bin folder of the peer's own environment; made when it is not there, or of another version.

    `left_out` is a package that is required by others but not installed.
    """
    folder = ENVIRONMENTS / name
    stamp = folder / ".installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        if not UV.is_file():
            raise BenchError("The installer uv is missing: run `make check` once, which installs it.")
        say(f"{name}: installing {wanted}")
        begun = time.monotonic()
        _run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        overrides = folder / "overrides.txt"
        overrides.write_text(f"{left_out} ; sys_platform == 'never'\n" if left_out else "")
        into = ("--python", folder / "bin" / "python", "--overrides", overrides)
        _run([UV, "pip", "install", "--quiet", *into, wanted])
        say(f"{name}: installed in {time.monotonic() - begun:.0f} s")
        stamp.write_text(wanted)
    return folder / "bin"


def _run(command: Sequence[str | Path]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise BenchError(f"{' '.join(str(part) for part in command)} failed:\n{run.stderr[-2000:]}")


_NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream model {{ server 127.0.0.1:{model}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location = /ready {{ return 204; }}
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def _nginx(folder: Path, port: int, model: int) -> Way:
    # Debian keeps it out of an ordinary user's PATH.
    program = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if program is None:
        raise BenchError("nginx is missing; on Debian run: apt-get install nginx-light")
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, model=model))
    command: list[str | Path] = [program, "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "errors"]
    return Way(command, "/openai/v1/chat/completions", "/ready")


def _relay(folder: Path, port: int, model: int) -> Way:
    command = [sys.executable, "-m", "bench.relay", "--port", str(port), "--model", str(model)]
    return Way(command, "/", "/")


def _litellm(folder: Path, port: int, model: int) -> Way:
    programs = _installed("litellm", "litellm[proxy]==1.108.7")
    parameters = {"model": f"openai/{NAME}", "api_base": f"http://127.0.0.1:{model}/v1", "api_key": KEY}
    # YAML is a superset of JSON.
    config = {
        "model_list": [{"model_name": NAME, "litellm_params": parameters}],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    where = ("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")
    command: list[str | Path] = [programs / "litellm", "--config", folder / "config.yaml", *where]
    environment = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1"}
    return Way(command, "/v1/chat/completions", "/health/liveliness", environment)


def _open_webui(folder: Path, port: int, model: int) -> Way:
    # It imports torch for models of its own only, which it is not asked for here: several gigabytes less.
    programs = _installed("open-webui", "open-webui==0.12.4", left_out="torch")
    environment = {
        "DATA_DIR": str(folder),
        "WEBUI_SECRET_KEY": KEY,
        "OPENAI_API_BASE_URL": f"http://127.0.0.1:{model}/v1",
        "OPENAI_API_KEY": KEY,
        "ENABLE_OLLAMA_API": "false",
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "openai",  # loads no model of its own
        "ANONYMIZED_TELEMETRY": "false",
        "SCARF_NO_ANALYTICS": "true",
        "DO_NOT_TRACK": "true",
    }
    command: list[str | Path] = [programs / "open-webui", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return Way(command, "/api/chat/completions", "/health", environment, _sign_up)


def _sign_up(address: str) -> str:
    """Open WebUI's first account, whose token asks from then on."""
    body = {"name": "bench", "email": "bench@example.com", "password": "correct horse battery"}
    answer = httpx.post(f"{address}/api/v1/auths/signup", json=body, timeout=30)
    if answer.status_code != 200:
        raise BenchError(f"Open WebUI refused its first account: {answer.status_code} {answer.text[:300]}")
    token = str(answer.json()["token"])
    # It knows its models only once somebody has asked for them.
    httpx.get(f"{address}/api/models", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    return token


PEERS: dict[str, Callable[[Path, int, int], Way]] = {
    "nginx": _nginx,
    "relay": _relay,
    "litellm": _litellm,
    "open-webui": _open_webui,
}
