"""Asks Alertmanager's own code which times an interval contains, and writes the answers down for the tests.

``python -m tests.notify.alertmanager_cases`` needs Go and its module proxy; the answers are kept in a file, so that no
test does. Left out are days that count from the end of a month in which clocks are put forward: there Alertmanager
counts one day too few (``daysInMonth`` divides 743 hours by 24), and we do not.
"""

import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

ANSWERS: Final = Path(__file__).with_name("alertmanager_cases.json")
VERSION: Final = "v0.28.0"
ZONES: Final = ("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")
_PROGRAM: Final = """
package main

import (
    "encoding/json"
    "os"
    "time"

    "github.com/prometheus/alertmanager/timeinterval"
    "gopkg.in/yaml.v2"
)

func main() {
    var cases []struct {
        Interval string
        At       []int64
    }
    if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
        panic(err)
    }
    answers := []any{}
    for _, asked := range cases {
        var interval timeinterval.TimeInterval
        if err := yaml.UnmarshalStrict([]byte(asked.Interval), &interval); err != nil {
            answers = append(answers, err.Error())
            continue
        }
        contains := []bool{}
        for _, at := range asked.At {
            contains = append(contains, interval.ContainsTime(time.Unix(at, 0).UTC()))
        }
        answers = append(answers, contains)
    }
    json.NewEncoder(os.Stdout).Encode(answers)
}
"""
_REFUSED: Final = (
    "times: [{start_time: '17:31', end_time: '17:31'}]",
    "times: [{start_time: '22:00', end_time: '06:00'}]",
    "times: [{start_time: '12:30', end_time: '24:01'}]",
    "times: [{start_time: '9:00', end_time: '17:00'}]",
    "times: [{start_time: '01:99', end_time: '23:59'}]",
    "times: [{start_time: '14:03'}]",
    "weekdays: ['friday:monday']",
    "weekdays: ['saturday:sunday']",
    "weekdays: ['mon:fri']",
    "weekdays: ['1:3']",
    "weekdays: ['monday: friday']",
    "weekdays: ['monday:tuesday:friday']",
    "weekdays: ['']",
    "days_of_month: ['0']",
    "days_of_month: ['1:32']",
    "days_of_month: ['-32:-1']",
    "days_of_month: ['-15:5']",
    "days_of_month: ['10:-25']",
    "days_of_month: ['-1:-3']",
    "days_of_month: ['5:1']",
    "days_of_month: ['1-5']",
    "months: ['martius:june']",
    "months: ['december:january']",
    "months: ['jan']",
    "years: ['2022:2020']",
    "years: ['now']",
    "location: Here/There",
    "cron: '0 22 * * fri'",
)
_TAKEN: Final = (
    "weekdays: ['Monday:FRIDAY']",
    "months: ['January:december']",
    "months: ['1:3', '12']",
    "days_of_month: ['1:-1']",
    "days_of_month: ['+1:+5']",
    "days_of_month: ['30:31']\nmonths: [february]",
    "days_of_month: ['-31:31']\nmonths: ['6']",
    "days_of_month: ['1:-28']",
    "times: [{start_time: '00:00', end_time: '24:00'}]",
    "{}",
)


def written(dice: random.Random) -> dict[str, Any]:
    """Make an interval as it is written."""

    def some(values: list[str]) -> list[str]:
        return dice.sample(values, dice.randint(1, 2))

    def ranges(names: tuple[str, ...]) -> list[str]:
        return some([f"{names[at]}:{names[dice.randrange(at, len(names))]}" for at in range(len(names))])

    def time() -> list[dict[str, str]]:
        first, last = sorted(dice.sample(range(0, 1441, 15), 2))
        return [{"start_time": f"{first // 60:02}:{first % 60:02}", "end_time": f"{last // 60:02}:{last % 60:02}"}]

    days = [f"{at}:{dice.randint(at, 31)}" for at in range(1, 32)]
    days += [f"{-at}:{-dice.randint(1, at)}" for at in range(1, 32)]
    parts: dict[str, Any] = {
        "times": [*time(), *time()],
        "weekdays": ranges(_WEEKDAYS),
        "days_of_month": some(days),
        "months": ranges(_MONTHS),
        "years": some(["2025:2026", "2026", "2027:2030"]),
    }
    chosen = {key: parts[key] for key in parts if dice.random() < (0.7 if key == "times" else 0.35)}
    return {**chosen, "location": dice.choice(ZONES)}


def moments(interval: dict[str, Any], dice: random.Random) -> Iterator[int]:
    """Yield times: at random, at its edges, and where the clocks change."""
    zone = ZoneInfo(interval.get("location", "UTC"))
    for _ in range(5):
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(730))
        yield int(day.timestamp()) + dice.randrange(86_400)
        for each in interval.get("times", ())[:1]:
            hour, minute = map(int, each[dice.choice(["start_time", "end_time"])].split(":"))
            edge = day.replace(tzinfo=zone, hour=hour % 24, minute=minute)
            yield int(edge.timestamp()) - dice.randint(0, 1)
    for month, day_of_month in ((3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4)):
        yield int(
            datetime(2026, month, day_of_month, dice.randrange(24), 30 * dice.randrange(2), tzinfo=UTC).timestamp()
        )


def is_miscounted(interval: dict[str, Any], at: int) -> bool:
    """Say whether Alertmanager counts the days of this month wrongly: an hour of them is missing."""
    zone = ZoneInfo(interval.get("location", "UTC"))
    local = datetime.fromtimestamp(at, zone)
    first = local.replace(day=1, hour=0, minute=0, second=0, fold=0)
    after = (first + timedelta(days=32)).replace(day=1)
    is_short = (after.timestamp() - first.timestamp()) % 86_400 > 43_200
    return is_short and any("-" in day for day in interval.get("days_of_month", ()))


def main() -> None:
    """Write the answers down."""
    dice = random.Random(19)
    cases: list[dict[str, Any]] = [{"interval": text, "at": []} for text in _REFUSED]
    intervals = [*(yaml.safe_load(text) for text in _TAKEN), *(written(dice) for _ in range(70))]
    for interval in intervals:
        at = sorted({each for each in moments(interval, dice) if not is_miscounted(interval, each)})
        cases.append({"interval": yaml.safe_dump(interval, default_flow_style=True, width=1000).strip(), "at": at})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.go").write_text(_PROGRAM)
        for command in (
            ["go", "mod", "init", "cases"],
            ["go", "get", f"github.com/prometheus/alertmanager@{VERSION}", "gopkg.in/yaml.v2@v2.4.0"],
        ):
            subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run(
            ["go", "run", "."], cwd=folder, check=True, input=json.dumps(cases), capture_output=True, text=True
        )
    lines = [
        json.dumps({**case, "answer": answer}) for case, answer in zip(cases, json.loads(done.stdout), strict=True)
    ]
    ANSWERS.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
