"""What several stories need."""

import json
import os
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from InnerEarSegLib.io.result_files import write_plain
from InnerEarSegLib.model.card import CARD_SCHEMA
from InnerEarSegLib.synthetic.files import random_ear
from InnerEarSegLib.types import AUXILIARY, LANDMARKS, Geometry, Landmark, Quality, Volume
from Testing.panel.fake_worker import STAGES

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "InnerEarSeg" / "InnerEarSeg.py"
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
PICTURES = REPOSITORY / "Testing" / "output"


def write_prepared(result, folder: Path) -> Path:
    """A result as the worker writes it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_plain(result, folder)
    (folder / "result.json").write_text(json.dumps(result.to_json()), encoding="utf-8")
    return folder


def write_card(path: Path, **card) -> None:
    """A model file that holds nothing but its card."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/extra/card.json", json.dumps({"schema": CARD_SCHEMA, **card}))


def segment(story) -> None:
    """Press Segment and wait for the end."""
    assert story.ui.segmentButton.enabled, story.ui.segmentButton.toolTip
    story.ui.segmentButton.click()
    story.wait(lambda: not story.panel.running.active, 20, "end of the run")


def start_and_hang(story, mode="hang:infer", stage="infer") -> None:
    """Press Segment and wait until the worker hangs at a stage."""
    story.mode = mode
    story.ui.segmentButton.click()
    story.wait(lambda: story.ui.statusLabel.text == STAGES[stage], what=stage)


def gaps_until(story, ended) -> list[float]:
    """Seconds of each turn of the event loop until something is true."""
    gaps = []
    while not ended():
        assert len(gaps) < 100_000
        begun = time.monotonic()
        story.process()
        gaps.append(time.monotonic() - begun)
    return gaps


def column(story, number) -> list[str]:
    """Texts of one column of the table of landmarks."""
    table = story.ui.landmarksTable
    return [table.item(row, number).text() for row in range(table.rowCount)]


def reopen(story) -> None:
    """Save the scene, close it and open it again."""
    path = str(story.folder / "case.mrb")
    assert story.scene.WriteToMRB(path)
    story.scene.Clear(False)
    assert story.scene.ReadFromMRB(path, True)
    story.process()


def show_ct(story) -> None:
    """As loading a CT in Slicer does; views are drawn from now on."""
    story.app.draw_views()
    for view in ("Red", "Green", "Yellow"):
        widget = story.app.app.layoutManager().sliceWidget(view)
        widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(story.volume.GetID())


def scene_text(scene) -> str:
    """Everything that a saved scene file would hold."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString()
    scene.SetSaveToXMLString(0)
    return text


def alive(pid_file: Path) -> bool:
    """Whether the process that wrote its number into a file still runs."""
    try:
        state = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX" if os.name == "posix" else True


def result_with(result, **changes):
    """The result with its ear changed."""
    return replace(result, ears=(replace(result.ears[0], **changes),))


def with_all_landmarks(ear):
    """The prepared ear as the networks find it: with auxiliary landmarks, all of them right."""
    truth = random_ear(7, 0).landmarks
    marks = {name: Landmark(name, tuple(map(float, truth[name])), 0.9, 0.3) for name in truth}
    return result_with(
        ear.result,
        landmarks=tuple(marks[name] for name in LANDMARKS),
        auxiliary=tuple(marks[name] for name in AUXILIARY),
    )


DISTANCE_MM = 80.0
"""To the second ear: the mirror image of the prepared one, on the other side."""


def mirror(geometry: Geometry) -> np.ndarray:
    """4 x 4 matrix that makes a left ear of a right one, so far to the patient's other side."""
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    away = -DISTANCE_MM if geometry.center[0] > 0 else DISTANCE_MM
    flip[0, 3] = 2 * geometry.center[0] + away
    return flip


def other_ear(one):
    """The mirrored ear; its helicotrema is the least certain of all landmarks."""
    flip = mirror(one.geometry)
    landmarks = tuple(
        replace(
            mark,
            ras=tuple((flip @ [*mark.ras, 1.0])[:3].tolist()),
            confidence=0.2 if mark.name == "helicotrema" else 0.88,
        )
        for mark in one.landmarks
    )
    return replace(
        one, side="right" if one.side == "left" else "left", landmarks=landmarks,
        geometry=Geometry(flip @ one.geometry.ijk_to_ras, one.geometry.shape),
        quality=Quality("poor", ("The cochlea has 1.2 turns, which no labyrinth has.",)),
    )  # fmt: skip


def prepare_two(story):
    """Makes the worker find both ears; returns the second one."""
    one = story.ear.ear
    other = other_ear(one)
    ears = tuple(sorted((one, other), key=lambda ear: ear.side))
    write_prepared(replace(story.ear.result, ears=ears), story.prepared)
    return other


def head(ct: Volume) -> Volume:
    """A CT with the ear and its mirror image, 0.4 mm."""
    from scipy.ndimage import map_coordinates

    flip = mirror(ct.geometry)
    corners = np.concatenate(
        [ct.geometry.corners, ct.geometry.corners @ flip[:3, :3] + flip[:3, 3]]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    matrix = np.diag([0.4, 0.4, 0.4, 1.0])
    matrix[:3, 3] = low
    size = np.ceil((high - low) / 0.4).astype(int)
    grid = Geometry(matrix, tuple(int(n) for n in size[::-1]))
    points = grid.to_ras(np.indices(grid.shape)[::-1].reshape(3, -1).T)
    nearer = np.abs(points[:, 0] - ct.geometry.center[0]) > DISTANCE_MM / 2
    points[nearer] = points[nearer] @ flip[:3, :3] + flip[:3, 3]
    ijk = ct.geometry.to_ijk(points)[:, ::-1].T
    values = map_coordinates(ct.array, ijk, order=1, cval=-1000, output=np.float32)
    return Volume(values.reshape(grid.shape).astype(np.int16), grid, "Head")
