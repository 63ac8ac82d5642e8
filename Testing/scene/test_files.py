"""The files, written and read by Slicer's own classes."""

import json
import zipfile

import numpy as np
import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.mrml.files import is_whole, write_scene
from InnerEarSegLib.types import LANDMARKS
from Testing.read_back import read_landmarks, read_segments


def segment_points(path, name, made):
    segment = read_segments(path)[name]
    return made.points(segment.array, segment.geometry)


def assert_same_voxels(actual, expected):
    assert len(actual) == len(expected)
    order = [np.lexsort(np.round(p, 2).T) for p in (actual, expected)]
    np.testing.assert_allclose(actual[order[0]], expected[order[1]], atol=2e-3)


def test_ears_on_one_lattice_are_voxel_exact(made, tmp_path):
    paths = write_scene(made.ct, made.one, tmp_path)
    assert [p.name for p in paths] == ["labyrinth.seg.nrrd", "landmarks_left.mrk.json", "scene.mrb"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    for ears in ((made.left,), (made.left, made.right_on_same_lattice)):
        write_scene(made.ct, made.result(*ears), tmp_path)
        for ear in ears:
            actual = segment_points(paths[0], f"Labyrinth {ear.side}", made)
            assert_same_voxels(actual, made.points(ear.labyrinth, ear.geometry))


def test_two_ears_on_different_lattices_keep_shape_and_place(made, tmp_path):
    write_scene(made.ct, made.two, tmp_path)
    segments = read_segments(tmp_path / "labyrinth.seg.nrrd")
    assert list(segments) == ["Labyrinth left", "Labyrinth right"]
    for ear in made.two.ears:
        segment = segments[f"Labyrinth {ear.side}"]
        volume = segment.array.sum() * segment.geometry.voxel_volume
        assert volume == pytest.approx(ear.volume_mm3, rel=0.01)
        actual = made.points(segment.array, segment.geometry)
        expected = made.points(ear.labyrinth, ear.geometry)
        np.testing.assert_allclose(actual.mean(axis=0), expected.mean(axis=0), atol=0.03)
        np.testing.assert_allclose(actual.min(axis=0), expected.min(axis=0), atol=0.3)


def test_landmarks_keep_order_position_and_absence_as_others_read_them(made, tmp_path):
    write_scene(made.ct, made.two, tmp_path)
    for ear in made.two.ears:
        found = read_landmarks(tmp_path / f"landmarks_{ear.side}.mrk.json")
        assert tuple(found) == LANDMARKS
        for landmark in ear.landmarks:
            if landmark.ras is None:
                assert found[landmark.name] is None
            else:
                np.testing.assert_allclose(found[landmark.name], landmark.ras, atol=1e-3)
    markup = json.loads((tmp_path / "landmarks_right.mrk.json").read_text())["markups"][0]
    assert markup["type"] == "Fiducial"
    assert markup["locked"] and markup["fixedNumberOfControlPoints"]
    points = markup["controlPoints"]
    assert [p["positionStatus"] for p in points] == ["defined", "missing", "defined"]
    assert all(p["locked"] for p in points)
    assert points[0]["label"] == "helicotrema" and "Apex of the cochlea" in points[0]["description"]
    assert "confidence 0.80" in points[0]["description"]
    # The file names its coordinate system; LPS has the first two axes turned round.
    flip = {"LPS": (-1, -1, 1), "RAS": (1, 1, 1)}[markup["coordinateSystem"]]
    expected = np.array(made.right.landmarks[0].ras) * flip
    np.testing.assert_allclose(points[0]["position"], expected, atol=1e-3)


def test_bundle_holds_no_path_of_this_machine(made, tmp_path):
    write_scene(made.ct, made.two, tmp_path)
    with zipfile.ZipFile(tmp_path / "scene.mrb") as bundle:
        names = bundle.namelist()
        scene = bundle.read(next(n for n in names if n.endswith(".mrml"))).decode()
    assert str(tmp_path) not in scene and "/tmp/" not in scene and "ies-" not in scene
    assert {n.rsplit("/", 1)[-1] for n in names} >= {"CT.nrrd", "labyrinth.seg.nrrd"}
    assert 'version="Slicer 5.' in scene


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, ">i2", bool])
def test_any_voxel_type_is_saved(made, tmp_path, dtype):
    ct = type(made.ct)(made.ct.array.astype(dtype), made.ct.geometry)
    assert write_scene(ct, made.one, tmp_path)[-1].stat().st_size > 0


def test_missing_folder_and_no_ear(made, tmp_path):
    assert [p.name for p in write_scene(made.ct, made.none, tmp_path)] == ["scene.mrb"]
    with pytest.raises(UnusableInput, match="does not exist"):
        write_scene(made.ct, made.one, tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["labyrinth.seg.nrrd", "landmarks_left.mrk.json", "scene.mrb"])
def test_unwritable_file_is_named(made, tmp_path, name):
    (tmp_path / name / "occupied").mkdir(parents=True)  # a folder is where the file should go
    with pytest.raises(UnusableInput, match=f"Cannot write {name}") as caught:
        write_scene(made.ct, made.one, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [200, 6_000, 100_000])
def test_disk_that_fills_up_is_an_error(made, tmp_path, limit):
    resource = pytest.importorskip("resource", reason="POSIX only")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(UnusableInput, match="Cannot write"):
            write_scene(made.ct, made.one, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["labyrinth.seg.nrrd", "landmarks_left.mrk.json", "scene.mrb"])
def test_file_cut_short_is_noticed(made, tmp_path, name):
    write_scene(made.ct, made.one, tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    assert is_whole(path)
    for length in (0, 30, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:length])
        assert not is_whole(path)
    if name == "scene.mrb":
        path.write_bytes(content)
        with zipfile.ZipFile(path) as bundle:
            members = {each: bundle.read(each) for each in bundle.namelist()}
        with zipfile.ZipFile(path, "w") as bundle:
            for each, inner in members.items():
                bundle.writestr(each, inner[:-100] if each.endswith("CT.nrrd") else inner)
        assert not is_whole(path)
