"""What /metrics says, read as Prometheus reads it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import Server
from tests.secret_search import known

TOKEN = "a-token-for-the-metrics-of-the-tests-0123456789"
known.secret("METRICS_TOKEN", TOKEN)


@dataclass(frozen=True)
class Scrape:
    """The values of one answer, by name and labels."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: Any) -> float:
        """The sum of all that have these labels, whatever others they have; 0 for none."""
        wanted = {(label, str(value)) for label, value in labels.items()}
        return sum(
            value for (found, has), value in self.values.items() if found == f"safycore_{name}" and wanted <= has
        )

    def labels(self, name: str) -> set[str]:
        """Every value of that label, in all metrics."""
        return {value for _, has in self.values for label, value in has if label == name}


async def scrape(url: str) -> Scrape:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return Scrape({(each.name, frozenset(each.labels.items())): each.value for each in samples})


async def settled(server: Server, name: str, wanted: float, **labels: Any) -> Scrape:
    """Scrapes until a value is this one: what an answer tells comes before the last of what is counted."""
    async with asyncio.timeout(20):
        while (found := await scrape(server.url)).value(name, **labels) != wanted:
            pass
    return found
