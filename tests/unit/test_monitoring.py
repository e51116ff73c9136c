"""The dashboard, the alerts and their pages, held against what the server counts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from safycore_backend import metrics

CHECKOUT = Path(__file__).resolve().parents[2]
DASHBOARD = CHECKOUT / "deploy" / "grafana" / "safycore.json"
ALERTS = CHECKOUT / "deploy" / "prometheus" / "alerts.yaml"
SCRAPING = CHECKOUT / "deploy" / "prometheus" / "prometheus.yaml"
PAGES = CHECKOUT / "docs" / "operations"
_SERIES = re.compile(r"\b(safycore_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
# What Prometheus itself puts on every series.
_FROM_PROMETHEUS = {"job", "instance"}
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def described() -> dict[str, Any]:
    """Every metric by its name, as the registry has it."""
    return {family.name: family for family in metrics.REGISTRY.collect()}


def series() -> dict[str, set[str]]:
    """The labels of every series that the server can show, by its name."""
    counting: Any = metrics.REGISTRY  # which of its collectors counts what is not public
    collectors: dict[str, Any] = {each.describe()[0].name: each for each in counting._collector_to_names}
    found = {}
    for name, family in described().items():
        labels = set(collectors[name]._labelnames)
        for suffix in _SUFFIXES[family.type]:
            found[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


EXPRESSIONS = [*dashboard_expressions(), *(rule["expr"] for rule in alerts())]


def test_there_is_something_to_hold_against_it() -> None:
    assert len(series()) > 30
    assert len(dashboard_expressions()) > 30
    assert len(alerts()) > 12


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_names_series_and_labels_that_there_are(expression: str) -> None:
    known = series()
    found = _SERIES.findall(expression)
    assert found or expression.startswith("up{"), expression
    for name, matchers in found:
        assert name in known
        assert {label for label, _ in _MATCHER.findall(matchers)} <= known[name] | _FROM_PROMETHEUS
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        labels = {label.strip() for label in grouped.split(",")}
        assert labels <= set.union(*(known[name] for name, _ in found)) | _FROM_PROMETHEUS


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_limit_and_code_that_an_expression_names_is_one_of_ours(expression: str) -> None:
    from django.conf import settings

    codes = set(re.findall(r'default_code = "(\w+)"', (CHECKOUT / "chat" / "errors.py").read_text())) | {"none"}
    for label, value in _MATCHER.findall(expression):
        if label == "limit":
            assert [name for name in dir(settings) if re.fullmatch(value, name)], value
        elif label in {"code", "error"}:
            assert value in codes


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for expression in dashboard_expressions() for name, _ in _SERIES.findall(expression)}
    assert not [name for name in described() if not any(each.startswith(name) for each in shown)]


def test_no_two_panels_lie_over_each_other_and_each_says_what_it_shows() -> None:
    taken: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"]
        taken |= cells


def test_every_metric_has_its_row_on_the_page_and_no_other_has_one() -> None:
    page = (PAGES / "monitoring.md").read_text()
    rows = dict(re.findall(r"^\| `(safycore_\w+)` \| (\w+) \|", page, re.MULTILINE))
    wanted = {
        name + ("_total" if family.type == "counter" else ""): family.type for name, family in described().items()
    }
    assert rows == wanted


def test_the_page_names_each_metric_s_labels() -> None:
    page = (PAGES / "monitoring.md").read_text()
    told = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in _label_cells(page)}
    known = series()
    for name, labels in told.items():
        assert labels == known.get(name, known.get(f"{name}_sum")), name


def _label_cells(page: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| `(safycore_\w+)` \| \w+ \| ([^|]*) \|", page, re.MULTILINE)


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    page = (PAGES / "alerts.md").read_text()
    sections = re.findall(r"^## (SafyCore\w+)$", page, re.MULTILINE)
    assert sections == [rule["alert"] for rule in alerts()]
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        assert "**Means:**" in section
        assert "**Do:**" in section


def test_every_alert_says_how_bad_it_is_and_names_the_job_that_is_scraped() -> None:
    jobs = {each["job_name"] for each in yaml.safe_load(SCRAPING.read_text())["scrape_configs"]}
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert {value for label, value in _MATCHER.findall(rule["expr"]) if label == "job"} == jobs


def test_the_scraping_uses_the_address_and_the_kind_of_token_that_the_server_takes() -> None:
    (job,) = yaml.safe_load(SCRAPING.read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"]["type"] == "Bearer"
