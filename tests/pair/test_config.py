"""What agents of a pair are configured to show each other."""

from pathlib import Path

import pytest

from streamwatch.agent.config import parse
from streamwatch.core.errors import ConfigError

TEXT = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1']}}]
ha: {{lease: {{kubernetes: {{namespace: shop}}}}, {ha}}}
"""


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    found = parse(TEXT.format(ha="token_file: token"), "t", tmp_path).ha
    assert found is not None
    assert found.token is not None
    assert found.token.reveal() == "0123456789abcdef"
    assert "0123456789abcdef" not in f"{found}"


@pytest.mark.parametrize(
    ("ha", "told"),
    [
        ("token: hunter2", "write 16 letters, digits and signs or more"),
        ("token: 'hunter2 and twenty others'", "write 16 letters, digits and signs or more"),
        (
            "token: 0123456789hunter2, peers: [{url: 'http://a:1', username: me, password: hunter2}]",
            "a peer has a user name, too: keep one of them",
        ),
    ],
)
def test_a_token_that_is_none_is_refused_and_not_printed(ha: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token") as refused:
        parse(TEXT.format(ha=ha), "t", tmp_path)
    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)
