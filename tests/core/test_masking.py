"""What looks like a secret is masked, and sentences are left as they are."""

import pytest

from streamwatch.core.masking import masked_words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("password=hunter2 is wrong", "password=******** is wrong"),
        ("database.password: hunter2", "database.password: ********"),
        ("user or password=hunter2", "user or password=********"),
        ("http://host/x?token=abc", "http://host/x?token=********"),
        ("authorization: Bearer abc.def", "authorization: ********"),
        ("Invalid username or password: check the user", "Invalid username or password: check the user"),
        ("PUT http://host/latest/api/token: status 503", "PUT http://host/latest/api/token: status 503"),
        ("no credentials: env, assume-role", "no credentials: env, assume-role"),
        ("https://user:word@host/", "https://********@host/"),
    ],
)
def test_a_secret_is_masked_and_a_sentence_is_not(words: str, shown: str) -> None:
    assert masked_words(words) == shown
