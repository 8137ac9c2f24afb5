from streamwatch.collectors.keys_cache import KeysCache

NAMES = ("stream",)


def test_equal_rows_are_the_same_object_within_a_snapshot_and_in_the_next() -> None:
    kept = KeysCache()
    kept.turn()
    first = kept.of(NAMES, [("a",), ("b",)])
    nothing = kept.of(NAMES, [])

    assert kept.of(NAMES, [("a",), ("b",)]) is first
    assert kept.of(NAMES, [("b",), ("a",)]) is not first
    assert kept.of(("shard",), [("a",), ("b",)]) is not first
    kept.turn()
    assert kept.of(NAMES, [("a",), ("b",)]) is first
    assert kept.of(NAMES, []) is nothing


def test_what_a_snapshot_did_not_have_is_not_kept() -> None:
    kept = KeysCache()
    kept.turn()
    first = kept.of(NAMES, [("a",)])
    kept.turn()
    kept.turn()

    assert kept.of(NAMES, [("a",)]) is not first
