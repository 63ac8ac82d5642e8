"""Whether a wide vestibular aqueduct is noticed, and a normal one is not."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from InnerEarSegLib.evaluation.simulated_scans import SCANS, in_scan
from InnerEarSegLib.io.dataset import case_names, specimen
from InnerEarSegLib.segmentation.aqueduct import BOX, STEP_MM, aqueduct_mm, widest_passage
from InnerEarSegLib.segmentation.canal_courses import REFERENCE
from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.segmentation.pose import fit_pose
from InnerEarSegLib.synthetic.ear import make_ear
from InnerEarSegLib.synthetic.parameters import WIDE_AQUEDUCT, random_parameters
from InnerEarSegLib.types import Geometry

from ..aqueduct import COURSE, carve_aqueduct, lumen_hu
from .canonical_ear import PATCH, ct_of, depth, tube


def cylinder(width_mm, tilt, offset_mm):
    """A lumen through the box: its voxels' distance from a line is at most half the width."""
    mm = STEP_MM * (np.indices(BOX.shape) - (np.array(BOX.shape)[:, None, None, None] - 1) / 2.0)
    along = np.array([np.cos(tilt), np.sin(tilt), 0.0])
    from_line = mm - np.array([0.0, *offset_mm])[:, None, None, None]
    axial = np.tensordot(along, from_line, 1)
    return (from_line**2).sum(axis=0) - axial**2 <= width_mm**2 / 4.0


@settings(max_examples=8, deadline=None)
@given(st.floats(0.8, 2.2), st.floats(-0.5, 0.5), st.tuples(st.floats(-1, 1), st.floats(-0.5, 0.5)))
def test_the_width_of_a_tube_is_measured(width_mm, tilt, offset_mm):
    lumen = cylinder(width_mm, tilt, offset_mm)
    assert widest_passage(lumen) == pytest.approx(width_mm, abs=2.0 * STEP_MM)
    lumen[8] = False
    assert widest_passage(lumen) == 0.0


def test_the_narrowest_place_counts():
    lumen = cylinder(2.0, 0.0, (0.0, 0.0))
    lumen[6:12] &= cylinder(1.0, 0.0, (0.0, 0.0))[6:12]
    assert widest_passage(lumen) == pytest.approx(1.0, abs=0.25)


def test_only_what_is_as_dark_as_the_lumen_counts():
    """Air cells are darker than fluid, and nothing is known beyond the CT."""
    course = tube(COURSE, 0.7)
    wide, normal = ct_of(np.maximum(depth(), course)), ct_of(depth())
    cells = np.where(course > 0, -900.0, normal).astype(np.float32)
    widths = [aqueduct_mm(torch.from_numpy(ct), PATCH, 0.0, 1800.0) for ct in (wide, normal, cells)]
    assert widths == [pytest.approx(1.4, abs=0.25), 0.0, 0.0]
    cut = torch.from_numpy(wide[:, :55])  # ends halfway through the box
    assert aqueduct_mm(cut, Geometry(PATCH.ijk_to_ras, tuple(cut.shape)), 0.0, 1800.0) == 0.0


def in_reference_pose(case):
    """The width in a case whose landmarks give the pose."""
    to_reference = np.linalg.inv(fit_pose(REFERENCE, case.landmarks).matrix)
    grid = Geometry(to_reference @ case.ct.geometry.ijk_to_ras, case.ct.geometry.shape)
    ct = torch.from_numpy(case.ct.array.astype(np.float32))
    return aqueduct_mm(ct, grid, lumen_hu(case), 1800.0)


@pytest.mark.parametrize("name", ["F13", "F06"])
def test_the_widest_of_normal_aqueducts_are_not_wide(specimens, name):
    assert in_reference_pose(specimen(specimens, name).read()) < 0.8


@pytest.mark.parametrize("seed", [301, 302])
@pytest.mark.parametrize("malformation", ["", WIDE_AQUEDUCT])
def test_wide_aqueducts_of_synthetic_ears_are_found(malformation, seed):
    parameters = replace(random_parameters(seed), malformation=malformation)
    ear = make_ear(parameters, side="left" if seed % 2 else "right", spacing=(0.3,) * 3, seed=seed)
    assert (in_reference_pose(ear) >= 1.0) == (malformation == WIDE_AQUEDUCT)


def carved(specimens, name, width_mm):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return carve_aqueduct(specimen(specimens, name).read(), width_mm, rng)


def test_an_aqueduct_that_is_carved_into_a_specimen_is_named(specimens, bundle):
    (ear,) = segment(carved(specimens, "T03", 2.0).ct, bundle).ears
    assert ear.quality.verdict == "check"
    assert any("wide vestibular aqueduct is possible" in reason for reason in ear.quality.reasons)


def findings(cases, scan, bundle):
    """On one ear each, as the user gets them."""
    results = [segment(in_scan(case, scan, bundle.template).ct, bundle) for case in cases]
    return [ear.findings for result in results for ear in result.ears]


@pytest.mark.slow
@pytest.mark.parametrize("scan", SCANS)
def test_no_specimen_has_a_wide_aqueduct(specimens, bundle, scan):
    cases = [specimen(specimens, name).read() for name in case_names(specimens)]
    assert max(found.aqueduct_mm for found in findings(cases, scan, bundle)) < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("width_mm", [2.0, 1.5])
@pytest.mark.parametrize("scan", SCANS)
def test_how_many_carved_aqueducts_are_found(specimens, bundle, scan, width_mm):
    cases = [carved(specimens, name, width_mm) for name in case_names(specimens)]
    count = sum(found.wide_aqueduct for found in findings(cases, scan, bundle))
    print(f"\n{width_mm} mm, {scan}: {count} of {len(cases)}")
    assert count >= (10 if width_mm == 2.0 else 0 if scan == "soft kernel" else 13)
