"""Requests to the API as nobody means well: short and hostile, of every kind that has hurt somewhere."""

import random
from urllib.parse import quote

from tests.promql.random_expressions import Grammar

_TIMES = (
    "", "0", "-1", "NaN", "Inf", "-Inf", "1e400", "-1e400", "1e18", "9" * 400, "0x10", "1_0", "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z", "\x00", "\u0661", "1;2", "now",
)  # fmt: skip
_STEPS = ("1", "15s", "0", "-1", "1e400", "1e-400", "NaN", "1ms", "1000y", "")
_SOUP = (
    "up", "(", ")", "[", "]", "{", "}", ",", "+", "-", "^", "==", "bool", "and", "or", "on", "group_left", "by", "sum",
    "topk", "offset", "@", "start()", "5m", "1", "-1", "1e308", "0xffffffffffffffffff", "Inf", "NaN", "'a'", '"b"',
    "`c`", "=~", "!~", ":", "\\", "é", "\x00", "\U0001f600", "1e30", "9999999999y", "[5m:1ms]", "__name__", "#", "\n",
)  # fmt: skip


def _nested(dice: random.Random) -> str:
    depth = dice.choice((3, 50, 99, 101, 1000, 4000))
    head, tail = dice.choice(
        (
            ("(", ")"), ("abs(", ")"), ("-", ""), ("1^", ""), ("1+", ""), ("sum(", ")"), ("up or ", ""),
            ("sum by (a) (", ")"), ("max_over_time(", "[5m:])"),
            ("{a=~'", "'}"), ("[", "]"), ("{", "}"), ("scalar(", ")"), ("vector(", ")"),
            ("label_replace(", ', "a", "$1$1", "a", "(.*)")'), ("label_join(", ', "a", "", "a", "a", "a")'),
        )
    )  # fmt: skip
    return (head * depth + "up" + tail * depth)[:5000]


def _regex(dice: random.Random) -> str:
    pattern = dice.choice(
        (
            r"\\w{100}",
            "(a{100}){100}",
            "(a|b)*a(a|b){15}",
            r"\\pL{300}",
            "a?" * 100 + "a" * 100,
            "(" * 1000,
            "x*+",
            ".*" * 500,
        )
    )
    return "{" + ",".join([f'a=~"{pattern}"'] * dice.choice((1, 10, 100))) + "}"


def _long(dice: random.Random) -> str:
    """An expression that goes on for long: few bytes, many steps."""
    depth = dice.randint(2, 8)
    inner = dice.choice(("vector(1)", "up", "{__name__=~'.+'}", "nothing", "rate({__name__=~'.+'}[1h])"))
    return "count_over_time((" * depth + inner + f")[{dice.choice(('1h:1s', '10y:1d', '3h:1s', '1d:10s'))}])" * depth


def expression(dice: random.Random) -> str:
    """Return what may be an expression."""
    chance = dice.random()
    if chance < 0.3:
        return Grammar(dice).vector(dice.choice((1, 2, 3, 5)))
    if chance < 0.5:
        return " ".join(dice.choice(_SOUP) for _ in range(dice.randint(1, 12)))
    if chance < 0.75:
        return _nested(dice)
    if chance < 0.9:
        return _regex(dice)
    if chance < 0.96:
        return "".join(chr(dice.choice((dice.randrange(1, 128), dice.randrange(128, 0x2FFF)))) for _ in range(30))
    return _long(dice)


def request(dice: random.Random) -> str:
    """Return the path of a request, with its query."""
    asked = quote(expression(dice), safe="", errors="replace")
    times = [quote(dice.choice(_TIMES), safe="") for _ in range(2)]
    return dice.choice(
        (
            f"/api/v1/query?query={asked}",
            f"/api/v1/query?query={asked}",
            f"/api/v1/query?query={asked}&time={times[0]}&timeout={dice.choice(_STEPS)}",
            f"/api/v1/query_range?query={asked}&start={times[0]}&end={times[1]}&step={dice.choice(_STEPS)}",
            f"/api/v1/query_range?query={asked}&start=0&end=10000&step=1",
            f"/api/v1/series?{'&'.join([f'match[]={asked[:300]}'] * dice.choice((1, 30, 40)))}&start={times[0]}",
            f"/api/v1/labels?start={times[0]}&end={times[1]}",
            f"/api/v1/label/{asked[:200]}/values?match[]={asked[:100]}",
            f"/api/v1/metadata?metric={asked[:100]}",
            f"/api/v1/{dice.choice(('rules', 'alerts', 'notifications', 'status/buildinfo', asked[:50], ''))}",
            "/api/v1/query?" + "&".join(["query=up"] * 500),
            f"/api/v1/query?{asked[:1000]}",
        )
    )[:15_000]
