"""Grafana's own libraries, in a real browser, on our dashboards: by ``known.js`` and ``drawn.js``."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.real.browser import Browser
from tests.real.prometheus import asked

_HERE: Final = Path(__file__).parent
_POINTS: Final = 240
WIDTH: Final = 1480

Answers = list[list[dict[str, Any]]]
"""For each query of a panel, what Prometheus says."""


def load(browser: Browser, script: str, modules: Path, folder: Path) -> None:
    """Open a page with a script of this folder, bundled with what it needs of ``node_modules``."""
    command = [
        str(modules / ".bin" / "esbuild"), str(_HERE / script), "--bundle", f"--outfile={folder}/bundle.js",
        "--loader:.svg=dataurl", "--loader:.ttf=dataurl", "--define:global=window", "--log-level=error",
        '--define:process.env.NODE_ENV="production"',
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "NODE_PATH": str(modules)}, timeout=120)
    style = '<link rel="stylesheet" href="bundle.css">' if (folder / "bundle.css").exists() else ""
    page = folder / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8">{style}<body><script src="bundle.js"></script>')
    browser.open(page.as_uri(), width=WIDTH, height=3000)  # tables out of sight stay empty


def unknown(browser: Browser, dashboard: dict[str, Any]) -> list[str]:
    """What Grafana's library does not know of a dashboard: units, colours, options, transformations."""
    found: list[str] = browser.evaluate(f"unknown({json.dumps(dashboard)})")
    return found


def shown(browser: Browser, panel: dict[str, Any], answers: Answers) -> list[dict[str, Any]]:
    """For each field of a panel its name, and its values as text and colour."""
    found: list[dict[str, Any]] = browser.evaluate(f"shown({json.dumps(panel)}, {json.dumps(answers)})")
    return found


def draw(browser: Browser, prometheus: str, dashboard: dict[str, Any], span: tuple[float, float]) -> None:
    """Draw a dashboard, of what Prometheus knows of a time (its start and end), and make the window as tall."""
    panels = [one for one in dashboard["panels"] if one["type"] != "row"]
    answers = {one["id"]: [_answer(prometheus, target, *span) for target in one["targets"]] for one in panels}
    given = ", ".join(json.dumps(one) for one in (dashboard, answers, *span))
    browser.resize(WIDTH, browser.evaluate(f"draw({given})"))


def plain(expr: str) -> str:
    """An expression with everything chosen."""
    return re.sub(r"\$(?!__)[a-z]\w*", ".*", expr).replace("$__rate_interval", "90s").replace("$__range", "120s")


def _answer(prometheus: str, target: dict[str, Any], start: float, end: float) -> list[dict[str, Any]]:
    expr = plain(target["expr"])
    if target["instant"]:
        now: list[dict[str, Any]] = asked(prometheus, "query", query=expr, time=str(end))["result"]
        return now
    step = max(1.0, (end - start) / _POINTS)
    times = {"start": str(start), "end": str(end), "step": str(step)}
    found: list[dict[str, Any]] = asked(prometheus, "query_range", query=expr, **times)["result"]
    return found
