"""What can be known of deploy/ without an engine that runs it: its files agree with the code and with each other."""

import fnmatch
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_stack import nginx
from safycore_backend import metrics
from tests.certificates import self_signed
from tests.clients import OF_NGINX
from tests.processes import CHECKOUT, free_port

DEPLOY = CHECKOUT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "systemd" / "safycore@.service").read_text()
NGINX = (DEPLOY / "nginx.conf").read_text()
KUBERNETES = DEPLOY / "kubernetes"
REQUIRED = {
    "DJANGO_SECRET_KEY": "k" * 40,
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_KEY": "sb_publishable_of_nobody",
    "GROQ_API_KEY": "nobody-s",
}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def instances() -> dict[str, Any]:
    return {name: service for name, service in services().items() if re.fullmatch(r"app\d+", name)}


def manifests() -> dict[str, dict[str, Any]]:
    """The manifests by their kind."""
    named = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    read = [yaml.safe_load((KUBERNETES / name).read_text()) for name in named]
    return {manifest["kind"]: manifest for manifest in read}


def pod(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = manifests()[kind]["spec"]["template"]["spec"]
    return found


def kubernetes_settings() -> dict[str, str]:
    lines = (KUBERNETES / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def copied() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [path.rstrip("/") for line in lines for path in line.split()[:-1]]


def in_the_last_stage() -> list[tuple[str, str]]:
    lines = re.findall(r"^COPY (?!--from)(\S+) (\S+)$", DOCKERFILE.rpartition("\nFROM ")[2], re.MULTILINE)
    return [
        (source, f"{target}{source.rpartition('/')[2]}" if target.endswith("/") else target) for source, target in lines
    ]


def ignored(path: str) -> bool:
    """As BuildKit decides: the last pattern that matches the path, or a folder above it."""
    verdict = False
    above = [path, *map(str, Path(path).parents)][:-1]
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        anywhere = pattern.removeprefix("**/")
        names = [Path(each).name for each in above] if anywhere != pattern else above
        if pattern == "*" or any(fnmatch.fnmatchcase(name, anywhere) for name in names):
            verdict = not line.startswith("!")
    return verdict


def gunicorn(option: str, settings: Mapping[str, str], cwd: Path = CHECKOUT) -> str:
    """What it prints, for an option with which it starts nothing."""
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", option]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **REQUIRED, **settings}
    told = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    return told.stdout


@functools.cache
def gunicorn_waits(**settings: str) -> tuple[int, int]:
    """`graceful_timeout` and `timeout`, as gunicorn understands the configuration."""
    told = gunicorn("--print-config", settings)
    numbers = dict(re.findall(r"^(graceful_timeout|timeout)\s*=\s*(\d+)$", told, re.MULTILINE))
    return int(numbers["graceful_timeout"]), int(numbers["timeout"])


def seconds(text: str) -> int:
    number = re.fullmatch(r"(\d+)s?", text)
    assert number, text
    return int(number[1])


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_yaml_file_can_be_read(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text()))


def test_every_manifest_is_applied() -> None:
    named = set(yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"])
    assert named == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(manifests()) == {
        *("Deployment", "Service", "Ingress", "PodDisruptionBudget", "HorizontalPodAutoscaler", "Job")
    }


def test_what_the_image_copies_is_there_and_may_be_copied() -> None:
    assert len(copied()) > 8
    for path in copied():
        assert (CHECKOUT / path).exists(), path
        assert not ignored(path), path


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".git/config", ".safycore/credentials.json", "db.sqlite3", "deploy/tls/privkey.pem"),
        *("deploy/.env.production", "deploy/compose.yaml", "tests/conftest.py", "local_stack/up.py", "bench/load.py"),
        *("frontend/node_modules/vite/package.json", "frontend/dist/index.html", "frontend/.env", "chat/.env"),
        *("users/__pycache__/models.pyc", "supabase/config.toml", "requirements/dev.lock"),
    ],
)
def test_nothing_else_gets_near_the_image(path: str) -> None:
    assert ignored(path)


def test_the_application_loads_from_what_the_image_has_and_nothing_more(tmp_path: Path) -> None:
    for source, target in in_the_last_stage():
        found, wanted = CHECKOUT / source, tmp_path / target
        wanted.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(found, wanted) if found.is_dir() else shutil.copy(found, wanted)
    gunicorn("--check-config", {}, tmp_path)
    assert list((tmp_path / "supabase" / "migrations").glob("*.sql"))
    assert not (tmp_path / "local_stack").exists()


def images() -> Iterator[str]:
    yield from re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for service in services().values():
        yield service["image"]


def test_every_image_has_a_version() -> None:
    foreign = [image for image in images() if image != "safycore:local"]
    assert len(foreign) >= 4
    for image in foreign:
        assert re.fullmatch(r"[a-z/-]+:\d+(\.\d+)*[\w.-]*", image), image
    python = {image for image in foreign if image.startswith("python:")}
    assert len(python) == 1, "what compiles and what runs must be one version"


def test_the_release_builds_this_image() -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "release.yml").read_text())
    built = [step["with"] for job in workflow["jobs"].values() for step in job["steps"] if "build-push" in str(step)]
    assert [(CHECKOUT / each["context"] / each["file"]).resolve() for each in built] == [DEPLOY / "Dockerfile"]


def test_one_port_from_nginx_to_the_server() -> None:
    upstream = re.findall(r"^server (\w+):(\d+) ", (DEPLOY / "nginx" / "upstream.conf").read_text(), re.MULTILINE)
    assert {name for name, _ in upstream} == set(instances())
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    (bound,) = re.findall(r"BIND=0\.0\.0\.0:(\d+)", DOCKERFILE)
    of_compose = {service["environment"]["BIND"].rpartition(":")[2] for service in instances().values()}
    (server,) = pod("Deployment")["containers"]
    of_kubernetes = {str(port["containerPort"]) for port in server["ports"]}
    assert {port for _, port in upstream} == {exposed} == {bound} == of_compose == of_kubernetes
    assert kubernetes_settings()["BIND"].rpartition(":")[2] == bound
    listens = set(re.findall(r"^listen (\d+)", (DEPLOY / "nginx" / "listen.conf").read_text(), re.MULTILINE))
    assert {port.partition(":")[2] for port in services()["nginx"]["ports"]} == listens


def test_as_many_instances_as_are_said_to_exist() -> None:
    assert {service["environment"]["INSTANCES"] for service in instances().values()} == {str(len(instances()))}
    assert int(kubernetes_settings()["INSTANCES"]) > 1


def test_who_asks_for_health_asks_an_address_that_there_is() -> None:
    routes = (CHECKOUT / "safycore_backend" / "urls.py").read_text()
    known = {f"/{pattern}" for pattern in re.findall(r'path\("(\w+)", ', routes)}
    (server,) = pod("Deployment")["containers"]
    probes = {name: server[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    asked = set(re.findall(r"http://127\.0\.0\.1:\d+(/\w+)", DOCKERFILE + str(services()["nginx"]["healthcheck"])))
    assert asked == {"/healthz"}
    assert asked | set(probes.values()) <= known


def test_whatever_stops_the_server_waits_longer_than_it_takes() -> None:
    for service in instances().values():
        settings = {name: str(value) for name, value in service["environment"].items()}
        graceful, silent = gunicorn_waits(**settings)
        promised = float(settings["LINGER_SECONDS"]) + float(settings["DRAIN_SECONDS"])
        assert promised + 15 < graceful < silent
        assert graceful < seconds(service["stop_grace_period"])
    graceful, _ = gunicorn_waits(**kubernetes_settings())
    (server,) = pod("Deployment")["containers"]
    before = seconds(server["lifecycle"]["preStop"]["exec"]["command"][1])
    assert before + graceful < pod("Deployment")["terminationGracePeriodSeconds"]
    graceful, _ = gunicorn_waits()
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert graceful < int(stop)


def test_gunicorn_waits_longer_for_longer_drains() -> None:
    assert gunicorn_waits(DRAIN_SECONDS="120", DRAIN_NOTICE_SECONDS="30")[0] == gunicorn_waits()[0] + 130


def test_nginx_gives_a_connection_up_before_the_server_does() -> None:
    upstream = NGINX.partition("upstream safycore {")[2].partition("\n  }")[0]
    (idle,) = re.findall(r"keepalive_timeout (\d+)s;", upstream)
    (kept,) = re.findall(r"^keepalive += (\d+)$", gunicorn("--print-config", {}), re.MULTILINE)
    (linger,) = {service["environment"]["LINGER_SECONDS"] for service in instances().values()}
    assert int(idle) < int(linger) < int(kept)


def test_nginx_takes_what_the_server_takes_and_waits_as_long_as_it_may() -> None:
    defaults = dict(re.findall(r"^#?(\w+)=(.*)$", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    (body,) = re.findall(r"client_max_body_size (\d+);", NGINX)
    assert int(body) == int(defaults["MAX_BODY_BYTES"])
    waits = [int(each) for each in re.findall(r"proxy_read_timeout (\d+)s;", NGINX)]
    assert max(waits) > float(defaults["GROQ_REPLY_TIMEOUT"])
    assert min(waits) > 2 * float(defaults["SSE_PING_SECONDS"])


def test_the_tests_clients_know_what_nginx_says_when_an_instance_is_gone() -> None:
    assert OF_NGINX.decode() in (DEPLOY / "nginx" / "errors.conf").read_text()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nginx_understands_its_files(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    listen = (DEPLOY / "nginx" / "listen.conf").read_text()
    for written, own in (
        ("listen 8080", f"listen 127.0.0.1:{free_port()}"),
        ("listen 8443", f"listen 127.0.0.1:{free_port()}"),
        ("/etc/nginx/tls/fullchain.pem", str(certificate)),
        ("/etc/nginx/tls/privkey.pem", str(key)),
    ):
        assert written in listen
        listen = listen.replace(written, own)
    limits = (DEPLOY / "nginx" / "limits.conf").read_text()
    nginx.write_configuration(tmp_path, listen=listen, ports=[1, 2, 3], limits=limits)
    told = subprocess.run([*nginx.command(tmp_path), "-t"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "[warn]" not in told.stderr or "http2" in told.stderr


def test_every_setting_that_is_written_is_one_of_ours() -> None:
    known = set(re.findall(r"^#?([A-Z_]+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE))
    written = set(kubernetes_settings()).union(*(service["environment"] for service in instances().values()))
    assert written <= known


def test_every_container_is_as_small_a_target_as_it_can_be() -> None:
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    for kind in ("Deployment", "Job"):
        assert pod(kind)["securityContext"]["runAsNonRoot"] is True
        for container in pod(kind)["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    assert re.search(r"^USER (?!0)\d+:\d+$", DOCKERFILE, re.MULTILINE)


def test_redis_is_reached_by_the_instances_alone() -> None:
    redis = services()["redis"]
    assert "ports" not in redis
    assert [compose()["networks"][name]["internal"] for name in redis["networks"]] == [True]
    assert all("ports" not in service for service in instances().values())


def test_the_autoscaler_looks_at_a_metric_that_there_is() -> None:
    spec = manifests()["HorizontalPodAutoscaler"]["spec"]
    (metric,) = {each["pods"]["metric"]["name"] for each in spec["metrics"]}
    assert metric.startswith("safycore_")
    assert hasattr(metrics, metric.removeprefix("safycore_"))
    assert spec["scaleTargetRef"]["name"] == manifests()["Deployment"]["metadata"]["name"]
    assert "replicas" not in manifests()["Deployment"]["spec"], "the autoscaler decides"


def test_what_selects_the_servers_selects_these() -> None:
    labels = manifests()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests()["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert manifests()[kind]["spec"]["selector"]["matchLabels"] == labels


def test_an_ingress_holds_nothing_back() -> None:
    annotations = manifests()["Ingress"]["metadata"]["annotations"]
    told = {name.rpartition("/")[2]: value for name, value in annotations.items()}
    assert told["proxy-buffering"] == "off"
    assert int(told["proxy-read-timeout"]) > 300
    assert "non_idempotent" not in told["proxy-next-upstream"]
