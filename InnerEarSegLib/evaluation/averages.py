"""Compute the averages of specimens that the package holds.

``python -m InnerEarSegLib.evaluation.averages DATA FILE`` prints ``cochlea.frame.TEMPLATE`` and
``cochlea.turns.COURSE``, and writes what ``cochlea.duct_axis.AVERAGE_FILE`` is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from ..cochlea.frame import Vector
from ..errors import UnusableInput
from ..io.manifest import read_dataset
from .average_cochlea import average_cochlea, average_course
from .average_ear import template_of

NOT_AVERAGED = ("F06", "T03", "F13")
"""Specimens of the public dataset that average ear and average cochlea are not made from."""


def main(dataset: Path, file: Path) -> None:
    """Print and write the averages of the specimens of the public dataset."""
    cases = read_dataset(dataset).readers
    template, spread = template_of(cases, NOT_AVERAGED)
    for name, point in template.items():
        place = "{:.2f}, {:.2f}, {:.2f} mm".format(*point)
        print(f"{name}: {place}, spread {spread[name]:.2f} mm")
    course = ", ".join(f"{x:.0f}° {y:.1f}°" for x, y in average_course(cases))
    print(f"angle and mean elevation of the lateral wall, of all specimens: {course}")
    surface = average_cochlea(cases, NOT_AVERAGED)
    write_average(surface, file)
    print(f"{len(surface)} points: {file}")


def write_average(surface: Vector, path: Path) -> None:
    """Write the average cochlea as the package reads it."""
    content = {
        "about": "Points on the outer wall of an average cochlea, mm in its cochlear frame.",
        "source": "Mean of specimens of the human bony labyrinth dataset, Wimmer et al. 2019, "
        "doi:10.5281/zenodo.3355272 (CC BY 4.0), by python -m InnerEarSegLib.evaluation.averages.",
        "points_mm": np.round(surface, 2).tolist(),
    }
    text = json.dumps(content, indent=1).replace(",\n   ", ", ").replace("[\n   ", "[")
    path.write_text(text.replace("\n  ]", "]") + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("dataset", type=Path, metavar="DATA")
    parser.add_argument("file", type=Path, metavar="FILE")
    try:
        main(**vars(parser.parse_args()))
    except UnusableInput as error:
        sys.exit(str(error))
