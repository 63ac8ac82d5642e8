"""Folds hold out each specimen once."""

import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.training.folds import folds


def test_folds_by_hand():
    names = ["F01", "F03", "F04", "F05", "T01"]
    assert folds(names, 2) == [("F01", "F04", "T01"), ("F03", "F05")]
    assert folds(names, 5) == [("F01",), ("F03",), ("F04",), ("F05",), ("T01",)]


@pytest.mark.parametrize("count", [0, 1, 6])
def test_too_few_or_too_many_folds(count):
    with pytest.raises(UnusableInput, match="make from 2 to 5 folds"):
        folds(["a", "b", "c", "d", "e"], count)
