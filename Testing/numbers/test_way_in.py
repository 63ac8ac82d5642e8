"""The axis of insertion in ducts that are known by hand, and its agreement on specimens."""

import numpy as np
import pytest

from InnerEarSegLib.cochlea.duct import CENTRE, Curve, Duct
from InnerEarSegLib.cochlea.frame import POINTS, CochlearFrame
from InnerEarSegLib.cochlea.measurements import CochlearMeasurements, measure_cochlea
from InnerEarSegLib.cochlea.way_in import ENTRY_DEG, way_in
from InnerEarSegLib.evaluation.measurement_errors import reference
from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.types import ROUND_WINDOW

from .ring import ring_ear


def straight(radius_mm=0.0):
    """A basal turn that runs from the window along +A, 30 degrees up, in a frame along S."""
    angles = np.arange(0.0, 91.0, 5.0)
    along = np.linspace(0.0, 9.0, len(angles))
    rise = np.radians(30.0)
    points = np.array([6.0, 0.0, 0.0]) + along[:, None] * [0.0, np.cos(rise), np.sin(rise)]
    curve = Curve(points, along, 90.0, np.zeros(len(along)))
    duct = Duct(angles, {CENTRE: curve}, points[:, 2], 90.0)
    frame = CochlearFrame.of("right", [0, 0, 0], [6, 0, 0], [0, 0, 3])
    points = {ROUND_WINDOW: np.array([6.0, 0.0, 0.0])}
    return CochlearMeasurements(
        "right", frame, (), radii={ROUND_WINDOW: radius_mm}, points=points, duct=duct
    )


def test_a_straight_turn_by_hand():
    found = way_in(straight())
    assert np.allclose(found.direction, [0.0, np.cos(np.radians(30)), 0.5], atol=1e-6)
    assert found.to_modiolus_deg == pytest.approx(60.0)
    assert found.to_ct_deg == pytest.approx((90.0, 30.0, 60.0))
    assert "facial nerve" in found.sentence and found.to_json()["direction_ras"][0] == 0.0


def test_a_less_sure_window_makes_a_less_sure_axis():
    sure, unsure = (way_in(straight(mm)).plus_minus_deg for mm in (0.1, 0.8))
    assert 0.0 < sure < unsure < 45.0


def test_a_window_far_from_the_duct_aims_at_its_nearest_place():
    cochlea = straight()
    cochlea.points[ROUND_WINDOW] = np.array([6.0, -20.0, 0.0])
    points, angles = cochlea.duct.curves[CENTRE].points, cochlea.duct.angles
    nearest = points[angles >= ENTRY_DEG][0] - [6.0, -20.0, 0.0]
    assert np.allclose(way_in(cochlea).direction, nearest / np.linalg.norm(nearest))


def test_without_a_duct_there_is_no_way_in():
    mask, geometry, points = ring_ear(np.eye(4))
    with pytest.raises(ValueError, match="no duct"):
        way_in(measure_cochlea("right", mask, geometry, points, dict.fromkeys(POINTS, 0.0)))


def test_specimens_with_displaced_points_keep_their_way_in(specimens):
    case = specimen(specimens, "T03").read()
    exact = way_in(reference(case))
    assert 60.0 < exact.to_modiolus_deg < 120.0  # along the basal turn, across the modiolus
    generator, off = np.random.default_rng(0), []
    radii = dict.fromkeys(case.landmarks, 0.4)
    for _ in range(3):
        points = {
            name: ras + generator.normal(0.0, 0.16, 3) for name, ras in case.landmarks.items()
        }
        measured = case.stated_side, case.labels, case.label_geometry, points, radii
        found = way_in(measure_cochlea(*measured))
        off.append(np.degrees(np.arccos(found.direction @ exact.direction)))
    assert np.mean(off) < found.plus_minus_deg < 25.0
