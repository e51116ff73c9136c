"""The benchmark runs and says what it should; what it measures here means nothing."""

import asyncio
import json
import sys
from pathlib import Path

from tests.processes import CHECKOUT

# It starts a stack of its own, perhaps beside everything else that a busy machine has to do.
PATIENCE_SECONDS = 300


async def test_a_small_run_of_the_scenario_turn_makes_a_report(tmp_path: Path) -> None:
    few = ("--quick", "--rounds", "1", "--clients", "4", "--replies", "16", "--peer", "relay")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "turn", *few, "--output", str(tmp_path)),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, progress = await process.communicate()
    assert process.returncode == 0, progress.decode()
    assert printed.decode().strip() == (tmp_path / "latest.md").read_text().strip()
    figures = json.loads((tmp_path / "latest.json").read_text())["figures"]
    values = {(figure["subject"], figure["name"].partition(",")[0]): figure["value"] for figure in figures}
    assert {subject for subject, _ in values} == {"SafyCore", "relay"}
    assert values["SafyCore", "CPU of the server a reply"] > 0
    assert values["SafyCore", "added time to first token"] > 0
    rates = [figure for figure in figures if figure["name"].startswith("replies a second")]
    assert all(rate["value"] > 0 and "lost 0;" in rate["detail"] for rate in rates)


async def test_what_keeps_it_from_running_is_said_in_a_sentence(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"ulimit -n 300 && exec {sys.executable} -m bench crowd --quick --output {tmp_path}"),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert "300 replies at once need 1,100 open files, and 300 are allowed: raise it with `ulimit -n 1100`." in (
        said.decode()
    )
