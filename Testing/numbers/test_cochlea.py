"""Frame and measurements of ears that are known by hand, published formulas, real specimens."""

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from InnerEarSegLib.cochlea import catalogue as formulas
from InnerEarSegLib.cochlea.catalogue import Measurement
from InnerEarSegLib.cochlea.frame import POINTS, TEMPLATE, CochlearFrame, cochlear_frame
from InnerEarSegLib.cochlea.measurements import (
    HAND_RADIUS_MM,
    WIDER,
    compare,
    measure,
    measure_cochlea,
)
from InnerEarSegLib.evaluation.average_ear import template_of
from InnerEarSegLib.evaluation.averages import NOT_AVERAGED
from InnerEarSegLib.evaluation.measurement_errors import displaced_errors, reference
from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.io.manifest import read_dataset
from InnerEarSegLib.report.content import Together, Verdicts, build_report
from InnerEarSegLib.report.subject import Subject
from InnerEarSegLib.training.augmentation import random_rotation
from InnerEarSegLib.types import (
    AUXILIARY,
    EDITED,
    GOOD,
    HELICOTREMA,
    LANDMARKS,
    OVAL_WINDOW,
    ROUND_WINDOW,
    Ear,
    Findings,
    Landmark,
    ModelIdentity,
    Quality,
    Segmentation,
    Volume,
    apply_affine,
)

from .ring import ring_ear

EXACT = dict.fromkeys(POINTS, 0.0)
RING_A = 5.76 + 3.5
"""From the average ear's round window through the axis to the ring's outer wall."""


def pose(seed, left):
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(rng) @ np.diag([1.0, -1.0 if left else 1.0, 1.0])
    matrix[:3, 3] = rng.normal(0, 50, 3)
    return matrix


def degrees_between(a, b):
    return np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


def ring(matrix=None, left=False, radii=EXACT, without=()):
    """What is measured of a ring."""
    mask, geometry, points = ring_ear(np.eye(4) if matrix is None else matrix)
    points = {name: points[name] for name in points if name not in without}
    return measure_cochlea("left" if left else "right", mask, geometry, points, radii)


def measured(case, **other):
    """What is measured of a specimen, of which some may be replaced."""
    given = {"side": case.stated_side, "labyrinth": case.labels, "landmarks": case.landmarks}
    return measure_cochlea(geometry=case.label_geometry, **(given | other))


def test_axes_by_hand():
    # z is made perpendicular to x, not x to z: the apex leans 1 mm towards the round window.
    points = [1, 2, 3], [7, 2, 3], [2, 2, 6]
    frame = CochlearFrame.of("right", *points)
    assert frame.origin.tolist() == [1, 2, 3]
    assert frame.axes.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert CochlearFrame.of("left", *points).axes[1].tolist() == [0, -1, 0]
    with pytest.raises(ValueError, match="line"):
        CochlearFrame.of("right", [0, 0, 0], [6, 0, 0], [3, 0, 0])


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32), st.booleans())
def test_a_ring_measured_anywhere_on_either_side(seed, left):
    matrix = pose(seed, left)
    found = ring(matrix, left)
    assert found.frame is not None
    assert np.allclose(found.frame.origin, matrix[:3, 3], atol=1e-6)
    assert np.allclose(found.frame.axes, matrix[:3, :3].T, atol=0.02)  # the template is rounded
    assert found["a_diameter"].value == pytest.approx(RING_A, abs=0.1)
    assert found["b_diameter"].value == pytest.approx(7.0, abs=0.15)
    assert found["cochlear_height"].value == pytest.approx(2.0, abs=0.25)
    assert found["round_window_to_lateral_wall"].value == pytest.approx(RING_A, abs=0.2)


def test_lines_are_as_long_as_what_they_show():
    found = ring(pose(1, True), True)
    for line, key in (("A", "a_diameter"), ("B", "b_diameter"), ("axis", "cochlear_height")):
        start, end = found.lines[line]
        assert np.linalg.norm(end - start) == pytest.approx(found[key].value)
    assert np.allclose(found.lines["A"][0], ring_ear(pose(1, True))[2][ROUND_WINDOW], atol=0.02)
    a, b = (np.diff(found.lines[line], axis=0)[0] for line in "AB")
    assert abs(a @ b) < 1e-6


@pytest.mark.parametrize("other_mm", [1.5, 4.6])
def test_neither_another_turn_nor_a_vestibule_moves_the_lateral_wall(other_mm):
    mask, geometry, points = ring_ear(np.eye(4))
    ijk = np.indices(mask.shape)[::-1].transpose(1, 2, 3, 0)
    x, y, z = np.moveaxis(geometry.to_ras(ijk), -1, 0)
    basal, other = (np.abs(np.hypot(x, y) - middle) < half for middle, half in
                    ((2.9, 0.6), (other_mm, 0.25)))  # fmt: skip
    lumen = ((basal | other) & (np.abs(z) < 1.0)).astype(np.uint8)
    found = measure_cochlea("right", lumen, geometry, points, EXACT)
    assert found["b_diameter"].value == pytest.approx(7.0, abs=0.15)


def test_points_known_exactly_are_not_drawn_to_the_average():
    matrix = pose(2, False)
    points = ring_ear(matrix)[2]
    moved = apply_affine(matrix, np.array(TEMPLATE[HELICOTREMA]) + [0.0, 0.6, 0.0])
    turned = np.degrees(np.arctan(0.6 / TEMPLATE[HELICOTREMA][2]))
    for radius, share in ((0.0, 1.0), (0.4, 0.61)):
        frame = cochlear_frame(
            "right", {**points, HELICOTREMA: moved}, dict.fromkeys(POINTS, radius), None
        )
        angle = degrees_between(frame.axes[2], matrix[:3, 2])
        # Uncertain points are drawn back, less than the fit of all points follows them.
        assert share * turned - 0.5 < angle < turned + 0.5 if share < 1 else angle > turned - 0.5
    assert angle < 0.9 * turned


@pytest.mark.parametrize("without", [AUXILIARY, (HELICOTREMA,), (OVAL_WINDOW, HELICOTREMA)])
def test_missing_points_are_taken_from_the_average_ear(without):
    matrix = pose(3, False)
    found = ring(matrix, without=without)
    assert degrees_between(found.frame.axes[2], matrix[:3, 2]) < 1.0
    assert np.linalg.norm(found.frame.origin - matrix[:3, 3]) < 0.1


def test_without_a_round_window_there_is_no_frame_and_a_reason():
    found = ring(without=(ROUND_WINDOW,))
    assert found.frame is None and found["a_diameter"].value is None
    assert found["a_diameter"].remark == "needs the cochlea's axes"
    assert found.remarks == ("The cochlea's axes are not known: there is no round window.",)
    assert found["round_window_to_oval_window"].remark == "needs the round window"
    assert found["oval_window_to_helicotrema"].value is not None
    mask, geometry, points = ring_ear(np.eye(4))
    points[ROUND_WINDOW] = [np.nan, 0.0, 0.0]  # counts as missing
    assert measure_cochlea("right", mask, geometry, points).remarks == found.remarks


def test_an_empty_segment_still_gives_frame_and_distances():
    _, geometry, points = ring_ear(np.eye(4))
    found = measure_cochlea("right", np.zeros((3, 3, 3), np.uint8), geometry, points)
    assert found.frame is not None
    volume = found["labyrinth_volume"]
    assert volume.value is None and volume.remark == "needs the segment"
    assert found["a_diameter"].value is None
    expected = np.linalg.norm(np.subtract(TEMPLATE[ROUND_WINDOW], TEMPLATE[OVAL_WINDOW]))
    assert found["round_window_to_oval_window"].value == pytest.approx(expected)


def test_uncertainty_is_carried_over_from_landmarks():
    def scatter(found, key):
        return found[key].uncertainty / WIDER[key]

    exact, unsure = ring(), ring(radii=dict.fromkeys(POINTS, 0.4))
    # Points without an error leave that of the wall opposite: 1.645 * 0.06 mm.
    assert scatter(exact, "a_diameter") == pytest.approx(0.0987, rel=0.3)
    assert scatter(exact, "b_diameter") == pytest.approx(0.0987 * 2**0.5, rel=0.3)
    assert exact["round_window_to_oval_window"].uncertainty == pytest.approx(0.0, abs=1e-9)
    # The round window's error along A, 0.16 mm, makes 1.645 * 0.16 = 0.26 mm; the wall adds little.
    assert 0.2 < scatter(unsure, "a_diameter") < 0.35
    # Two ends, each 0.16 mm along the line between them.
    assert 0.25 < unsure["round_window_to_oval_window"].uncertainty < 0.5
    assert unsure["labyrinth_volume"].uncertainty is None
    slope = unsure["organ_of_corti_length"].uncertainty / unsure["a_diameter"].uncertainty
    assert slope == pytest.approx(4.16)


@pytest.mark.parametrize("name", [HELICOTREMA, *AUXILIARY])
def test_what_is_taken_from_the_average_ear_is_less_sure_and_said(name):
    radii = dict.fromkeys(POINTS, 0.2)
    whole, without = ring(radii=radii), ring(radii=radii, without=(name,))
    if name == HELICOTREMA:
        key = "cochlear_height"
        assert without[key].uncertainty > 1.2 * whole[key].uncertainty
    said = [remark for remark in without.remarks if remark.startswith("Not known")]
    assert [name in remark for remark in said] == ([] if name == AUXILIARY[1] else [True])
    rows = {row["key"]: row["remark"] for row in without.rows()}
    assert ("Not known" in rows["a_diameter"]) == bool(said)
    assert "Not known" not in rows["labyrinth_volume"]


def test_uncertainty_is_never_written_as_nothing():
    texts = [item.text for item in ring(radii=dict.fromkeys(POINTS, 0.01)).measurements]
    assert any("±" in text for text in texts)
    assert not any("± 0.0" in text or "± 0°" in text for text in texts)


def test_values_made_from_an_impossible_diameter_say_so():
    mask, geometry, points = ring_ear(np.eye(4))
    x = np.array(points[ROUND_WINDOW]) - [2.6, 0.0, 0.0]
    found = measure_cochlea("right", mask, geometry, {**points, ROUND_WINDOW: x}, EXACT)
    assert found["a_diameter"].value < 8.04
    assert "A diameter outside" in found["organ_of_corti_length"].remark
    angle = found["insertion_angle_at_28_mm"]
    assert found["insertion_angle_at_20_mm"].value < 900.0
    assert angle.value is None and "beyond 900°" in angle.remark  # no electrode goes on there


def test_what_does_not_fit_an_ear_is_remarked_on(specimens):
    case = specimen(specimens, "F13").read()
    one, other = (case.landmarks[name] for name in (OVAL_WINDOW, ROUND_WINDOW))
    swapped = {**case.landmarks, OVAL_WINDOW: other, ROUND_WINDOW: one}
    wrong = "left" if case.stated_side == "right" else "right"
    assert measured(case).remarks == ()
    for found in (measured(case, landmarks=swapped), measured(case, side=wrong)):
        assert any(f"do not fit a {found.side} ear" in remark for remark in found.remarks)


@pytest.mark.parametrize("what", ["cut apex", "gap", "speck"])
def test_a_damaged_segment_is_remarked_on(specimens, what):
    """A gap or a speck opposite of the round window moves A by about a millimetre."""
    case = specimen(specimens, "F13").read()
    whole = reference(case)
    labels = case.labels.copy()
    wall = whole.frame.from_ras(whole.lines["A"])[1]  # where A ends opposite of the window
    ijk = np.indices(labels.shape)[::-1].reshape(3, -1).T
    places = whole.frame.from_ras(case.label_geometry.to_ras(ijk))
    reach = np.linalg.norm(wall[:2])
    outward = wall[:2] / reach
    along, across = places[:, :2] @ outward, places[:, :2] @ [-outward[1], outward[0]]
    chosen = {
        "cut apex": places[:, 2] > 2.0,
        "gap": (np.abs(across) < 0.5) & (along > reach - 1.2) & (along < reach + 0.5),
        "speck": np.linalg.norm(places - wall * (1.0 + 0.7 / reach), axis=1) < 0.35,
    }[what]
    labels.reshape(-1)[chosen] = what == "speck"
    damaged = measured(case, labyrinth=labels, radii=EXACT)
    said = "before the helicotrema" if what == "cut apex" else "has a gap or a speck there"
    assert said in " ".join(damaged.remarks)
    assert said not in " ".join(whole.remarks)


def test_stray_voxels_turn_nothing_and_are_remarked_on(specimens):
    case = specimen(specimens, "T03").read()
    labels = case.labels.copy()
    labels[2:12, 2:12, 2:12] = 1  # 4 mm³ in a corner
    radii = dict.fromkeys(case.landmarks, 0.5)
    with_stray, without = (
        measured(case, labyrinth=each, radii=radii) for each in (labels, case.labels)
    )
    assert np.allclose(with_stray.frame.axes, without.frame.axes)
    assert with_stray["b_diameter"].value == pytest.approx(without["b_diameter"].value)
    more = 1000 * case.label_geometry.voxel_volume
    volumes = [x["labyrinth_volume"].value for x in (with_stray, without)]
    assert volumes[0] - volumes[1] == pytest.approx(more)
    assert f"{more:.1f} mm³ of the segment lie apart" in with_stray.remarks[0]
    assert without.remarks == ()


def test_numbers_are_plain_json_and_ranges_are_remarked_on():
    found = ring(radii=dict.fromkeys(POINTS, 0.4))
    content = json.loads(json.dumps(found.to_json()))
    assert content["cochlear_frame"]["z_axis"] == pytest.approx([0, 0, 1], abs=0.01)
    assert all(row["side"] == "right" for row in found.rows())
    assert found["a_diameter"].text.endswith("mm") and found["a_diameter"].remark == ""
    assert found["labyrinth_volume"].remark.startswith("below 144 to 267 mm³")


def test_left_minus_right():
    left, right = ring(pose(4, True), True), ring(pose(5, False))
    differences = {m.key: m for m in compare(left, right)}
    assert differences["a_diameter"].value == pytest.approx(0.0, abs=0.1)
    expected = left["labyrinth_volume"].value - right["labyrinth_volume"].value
    assert differences["labyrinth_volume"].value == pytest.approx(expected)
    one, other = Measurement("x", "X", 5.0, "mm", 0.3), Measurement("x", "X", 2.0, "mm", 0.4)
    assert one.minus(other).text == "3.0 ± 0.5 mm"
    assert one.minus(replace(other, extrapolated=True)).text == "≈ 3.0 ± 0.5 mm"
    assert one.minus(replace(other, uncertainty=None)).uncertainty is None


def test_reference_frame_is_the_datasets_own(specimens):
    for name in ("F06", "T03", "F13"):
        coord = json.loads((specimens / name / f"{name}_DESC.json").read_text())["COORD"]
        frame = reference(specimen(specimens, name).read()).frame
        assert np.allclose(frame.origin, coord["ORIGIN"])
        for axis, key in enumerate(("XAXIS", "YAXIS", "ZAXIS")):
            # The file gives two digits of each component.
            assert degrees_between(frame.axes[axis], np.array(coord[key])) < 0.7


@pytest.mark.slow
def test_the_bundled_average_ear_is_what_the_command_prints(specimens):
    template, _ = template_of(read_dataset(specimens).readers, NOT_AVERAGED)
    for name, point in template.items():
        assert np.allclose(point, TEMPLATE[name], atol=0.006), name


@pytest.mark.slow
def test_frames_of_displaced_points_are_close(specimens):
    errors, _ = displaced_errors(
        read_dataset(specimens).readers, ["F01", "F13", "T03"], 0.25, 20, lambda line: None
    )
    assert np.mean([error.axis_deg for error in errors]) < 5.0
    assert np.mean([error.origin_mm for error in errors]) < 0.6
    assert np.mean([abs(error.differences["a_diameter"]) for error in errors]) < 0.3


def test_kochs_formulas_at_the_mean_of_2559_cochleae():
    """A of 9.23 mm: 4.16 A - 5.05 near the mean duct length of 2252 cochleae, 33.04 mm (Curtis et
    al. 2023); 3.86 A + 4.99 near Erixon's 40.87 mm."""
    assert formulas.koch_organ_of_corti(9.23) == pytest.approx(33.347, abs=0.001)
    assert formulas.koch_organ_of_corti(9.23) == pytest.approx(33.04, abs=0.5)
    assert formulas.koch_lateral_wall(9.23) == pytest.approx(40.618, abs=0.001)
    assert formulas.koch_lateral_wall(9.23) == pytest.approx(
        formulas.erixon_lateral_wall(9.23), abs=0.5
    )


def test_an_ear_is_measured_once_for_each_of_its_states():
    mask, geometry, points = ring_ear(np.eye(4))
    marks = {name: Landmark(name, tuple(point), 0.9, 0.3) for name, point in points.items()}
    ear = Ear("right", mask, geometry, tuple(marks[n] for n in LANDMARKS), 0.0,
              auxiliary=tuple(marks[n] for n in AUXILIARY))  # fmt: skip
    found = measure(ear)
    assert measure(replace(ear)) is found
    assert found.to_json() == ring(radii=dict.fromkeys(POINTS, 0.3)).to_json()
    moved = replace(marks[ROUND_WINDOW], ras=tuple(points[ROUND_WINDOW] + 0.1))
    again = measure(replace(ear, landmarks=(*ear.landmarks[:2], moved)))
    assert again is not found and again.radii[ROUND_WINDOW] == HAND_RADIUS_MM
    assert again["a_diameter"].value != found["a_diameter"].value
    confirmed = replace(ear, landmarks=tuple(replace(x, confirmed=True) for x in ear.landmarks))
    assert measure(confirmed) is found  # that changes no number


def test_metal_hides_what_depends_on_it_until_the_user_has_looked():
    mask, geometry, points = ring_ear(np.eye(4))
    marks = tuple(Landmark(name, tuple(points[name]), 0.9, 0.3) for name in LANDMARKS)
    whole = Ear("right", mask, geometry, marks, 0.0, findings=Findings(3, metal_mm3=0.9))
    assert measure(whole)["a_diameter"].value is not None
    ear = replace(whole, findings=Findings(3, metal_mm3=5.0))
    hidden = measure(ear)
    assert all(item.value is None and "metal" in item.remark for item in hidden.measurements)
    assert hidden.lines == {} and hidden.frame is not None
    seen = replace(ear, landmarks=tuple(replace(x, confirmed=True) for x in marks))
    key = "round_window_to_oval_window"
    assert measure(seen)[key].value == measure(whole)[key].value
    assert measure(seen)["labyrinth_volume"].value is None
    edited = measure(replace(seen, segment=EDITED))
    assert edited["a_diameter"].value == measure(whole)["a_diameter"].value and edited.lines


def test_a_report_does_not_call_good_what_was_taken_away_since():
    mask, geometry, points = ring_ear(np.eye(4))
    found = {name: tuple(np.add(point, 0.3)) for name, point in points.items()}
    marks = tuple(
        Landmark(x, None if x == HELICOTREMA else tuple(points[x]), 0.9, automatic_ras=found[x])
        for x in LANDMARKS  # the helicotrema is taken away, the others are moved
    )
    seen = Findings(2, ("lateral",), edge_width_mm=1.04)
    ear = Ear("right", mask, geometry, marks, 0.0, Quality(GOOD), findings=seen)
    result = Segmentation((ear,), ModelIdentity("m", "1", ""), "cpu")
    ct = Volume(np.zeros(mask.shape, np.int16), geometry)
    subject = Subject(result, {"right": ct})
    blocks = build_report(subject, made=datetime(2026, 1, 1))
    (verdict,) = next(block for block in blocks if isinstance(block, Verdicts)).ears
    assert verdict.level != GOOD
    assert verdict.text == "Quality: good, as found automatically."
    said = " ".join(verdict.reasons)
    assert "there is no helicotrema" in said
    assert "Semicircular canals closed: 2 of 3." in said and "in the CT: 1.0 mm." in said
    assert "Changed by the user: helicotrema" in said
    captions = [block.blocks[0] for block in blocks if isinstance(block, Together)]
    assert "assumed to be within 0.2 mm" in captions[2].details
    assert "confidence" not in captions[2].details


@pytest.mark.parametrize(("name", "arguments", "expected", "within"), [
    # 2.62 * 9 * ln(1 + 360 / 235) = 23.58 * ln(2.53191) = 23.58 * 0.92898
    ("escude_lateral_wall", (9.0, 360.0), 21.905, 0.002),
    # ln(1 + 720 / 235) = ln(4.06383) = 1.40213
    ("escude_lateral_wall", (10.0, 720.0), 36.736, 0.002),
    ("escude_lateral_wall", (9.0, 0.0), 0.0, 0.0),
    # Curtis et al. 2023: A 9.23 mm (2559 cochleae); basal turn 21.03 to 22.5 mm.
    ("escude_lateral_wall", (9.23, 360.0), 22.46, 0.01),
    # Alexiades took Escudé's third equation as his basis: two turns are 3.65 to 3.68 A long.
    ("escude_lateral_wall", (1.0, 720.0), 3.65, 0.03),
    # 1.18 * 9 + 2.69 * 6.5 - sqrt(0.72 * 58.5) = 10.62 + 17.485 - 6.4900
    ("elliptic_circular_first_turn", (9.0, 6.5), 21.615, 0.001),
    # Curtis et al. 2023: mean A 9.23, mean B 6.52 (908 cochleae), mean basal turn 21.87 mm.
    ("elliptic_circular_first_turn", (9.23, 6.52), 21.87, 0.05),
    ("alexiades_organ_of_corti", (9.0,), 33.44, 1e-6),
    ("alexiades_two_turns", (9.0,), 29.2, 1e-6),
    # PMC6449142, 36 ears: mean A 8.75 mm, SD 0.31; mean CDL 32.45 mm, SD 1.31.
    ("alexiades_organ_of_corti", (8.75,), 32.45, 0.06),
    ("alexiades_organ_of_corti", (8.75 + 0.31,), 32.4 + 1.31, 0.03),
    ("erixon_lateral_wall", (9.0,), 40.16, 1e-6),
])  # fmt: skip
def test_by_hand_and_as_published(name, arguments, expected, within):
    assert getattr(formulas, name)(*arguments) == pytest.approx(expected, abs=within)


@given(st.floats(7.0, 11.0), st.floats(5.5, 8.0))
def test_first_turn_is_half_an_ellipse_and_half_a_circle(a, b):
    """Measured along the curve, not by the formula's own circumference: that errs by 0.5 %."""
    share = 0.584
    angles = np.linspace(0.0, np.pi, 2001)
    half_ellipse = np.column_stack([a / 2 * np.cos(angles), share * b * np.sin(angles)])
    half_circle = (1.0 - share) * b * np.column_stack([np.cos(angles), np.sin(angles)])
    along = sum(
        np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in (half_ellipse, half_circle)
    )
    assert formulas.elliptic_circular_first_turn(a, b) == pytest.approx(along, rel=0.006)


@given(st.floats(6.0, 12.0), st.floats(0.0, 1000.0))
def test_angle_and_length_are_inverse(diameter, angle):
    length = formulas.escude_lateral_wall(diameter, angle)
    assert formulas.escude_angle(diameter, length) == pytest.approx(angle, abs=1e-6)
