"""Read a result back from its DICOM objects: labyrinths, landmarks with their states, quality.

With pydicom alone, which 3D Slicer has. A result's objects are known by their manufacturer.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import (
    AUTOMATIC,
    AUXILIARY,
    BY_HAND,
    CHECK,
    LANDMARKS,
    RAS_FROM_LPS,
    SEGMENT_REMOVED,
    SIDES,
    Ear,
    Findings,
    Geometry,
    Landmark,
    ModelIdentity,
    Point,
    Quality,
    Segmentation,
    Side,
    Verdict,
    Volume,
    common_model,
)
from . import dicom_codes as codes
from .dicom_codes import Concept
from .dicom_files import dicom_paths, looks_like_dicom
from .dicom_series import find_series

NO_RESULT = (
    "{} holds no structured report of InnerEarSeg: fetch the whole study from the archive, or "
    "export the result first."
)


@dataclass(frozen=True, eq=False)
class ArchivedResult:
    """A result as an archive has it.

    Attributes:
        segmentation: the ears, in RAS mm of the source series' frame of reference.
        series: SeriesInstanceUID of the CT.
        images: SOPInstanceUIDs of its images.
        made: date and time of the report, as DICOM writes them.
    """

    segmentation: Segmentation
    series: str
    images: frozenset[str]
    made: str


def read_archived(path: Path) -> ArchivedResult:
    """Read the newest result of InnerEarSeg in a folder, searched with the folders below.

    Raise UnusableInput if there is none, or if one of its objects is missing or damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about values that break the standard
        return _newest(path)


def _newest(path: Path) -> ArchivedResult:
    reports, segmentations = _objects(path)
    if not reports:
        raise UnusableInput(NO_RESULT.format(path))
    if (studies := len({str(report.get("StudyInstanceUID")) for report in reports})) > 1:
        raise UnusableInput(
            f"{path} holds results of {studies} studies: give the folder of one of them."
        )
    report = max(reports, key=_made)
    try:
        return _result(report, segmentations)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UnusableInput(
            f"The structured report of InnerEarSeg in {path} cannot be read: it is damaged or of "
            f"another version ({type(error).__name__})."
        ) from None


def check_images(archived: ArchivedResult, path: Path) -> None:
    """Check that a folder has all images that a result was made from; UnusableInput if not."""
    series, _ = find_series(path, archived.series)
    there = {plane.uid.rpartition("/")[0] for plane in series.slices}
    if missing := len(archived.images - there):
        raise UnusableInput(
            f"The CT in {path} lacks {missing} of the {len(archived.images)} images that the "
            "result was made from: fetch the whole study from the archive."
        )


def _objects(path: Path) -> tuple[list[Any], dict[str, Any]]:
    """Return the structured reports of InnerEarSeg, and its segmentations by SOPInstanceUID."""
    import pydicom

    try:
        files = dicom_paths(path) if path.is_dir() else [path]
        reports, segmentations = [], {}
        for file in files:
            if not (file.is_file() and looks_like_dicom(file)):
                continue
            head = pydicom.dcmread(
                file, specific_tags=["SOPClassUID", "SOPInstanceUID", "Manufacturer"], force=True
            )
            if head.get("Manufacturer") != codes.MANUFACTURER:
                continue
            if head.get("SOPClassUID") == codes.REPORT_STORAGE:
                reports.append(pydicom.dcmread(file))
            elif head.get("SOPClassUID") == codes.SEGMENTATION_STORAGE:
                segmentations[str(head.SOPInstanceUID)] = pydicom.dcmread(file)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    return reports, segmentations


def _made(report: Any) -> str:
    return f"{report.get('ContentDate', '')}{report.get('ContentTime', '')}"


@dataclass
class _Group:
    """One measurement group, its content by concept."""

    side: Side
    kind: Concept
    finding: Concept
    numbers: dict[Concept, float] = field(default_factory=dict)
    answers: dict[Concept, Concept] = field(default_factory=dict)
    texts: dict[Concept, list[str]] = field(default_factory=lambda: defaultdict(list))
    parameters: list[str] = field(default_factory=list)
    model: dict[str, str] = field(default_factory=dict)
    point: Point | None = None
    inferred_from: Point | None = None
    segment: tuple[str, int] | None = None


def _result(report: Any, segmentations: Mapping[str, Any]) -> ArchivedResult:
    container = next(x for x in report.ContentSequence if _concept(x).value == "126010")
    groups = [_group(item) for item in container.ContentSequence if item.ValueType == "CONTAINER"]
    landmarks: dict[Side, dict[str, Landmark]] = {side: {} for side in SIDES}
    found = {(g.side, g.finding): g for g in groups if g.kind == codes.AUTOMATIC_POSITION}
    names = {concept: name for name, concept in codes.LANDMARK_CONCEPTS.items()}
    for group in groups:
        if group.kind == codes.LANDMARK:
            name = names.get(group.finding, group.finding.value)
            automatic = found.get((group.side, group.finding))
            landmarks[group.side][name] = _landmark(name, group, automatic)
    ears = [
        _ear(group, landmarks[group.side], segmentations)
        for group in groups
        if group.kind == codes.ANATOMICAL_STRUCTURE
    ]
    ears.sort(key=lambda ear: ear.side)
    series, images = _source(report)
    result = Segmentation(tuple(ears), common_model(ears), "")
    return ArchivedResult(result, series, images, _made(report))


def _source(report: Any) -> tuple[str, frozenset[str]]:
    """SeriesInstanceUID and images of the CT: the evidence that InnerEarSeg did not make."""
    made = {codes.SEGMENTATION_STORAGE, codes.REPORT_STORAGE}
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in report.get(keyword) or []:
            for series in study.ReferencedSeriesSequence:
                images = series.ReferencedSOPSequence
                if images[0].ReferencedSOPClassUID not in made:
                    uids = frozenset(str(image.ReferencedSOPInstanceUID) for image in images)
                    return str(series.SeriesInstanceUID), uids
    raise ValueError("no source series")


def _group(item: Any) -> _Group:
    """Read a measurement group (TID 1410, 1411 or 1501)."""
    found: dict[str, Any] = {}
    for part in item.ContentSequence:
        value = _concept(part).value
        if value == "363698007":  # finding site
            laterality = _coded(part.ContentSequence[0])
            found["side"] = next(s for s, c in codes.LATERALITY.items() if c == laterality)
        elif value == "276214006":  # finding category
            found["kind"] = _coded(part)
        elif value == "121071":  # finding
            found["finding"] = _coded(part)
    group = _Group(**found)
    for part in item.ContentSequence:
        concept = _concept(part)
        match part.ValueType:
            case "NUM":
                measured = part.MeasuredValueSequence[0]
                group.numbers[concept] = float(measured.NumericValue)
                for inner in part.get("ContentSequence") or []:
                    if inner.ValueType == "SCOORD3D":
                        group.inferred_from = _point(inner)
            case "CODE":
                group.answers[concept] = _coded(part)
            case "TEXT" if concept.value == "111001":
                group.model["name"] = str(part.TextValue)
            case "TEXT" if concept.value == "111003":
                group.model["version"] = str(part.TextValue)
            case "TEXT" if concept.value == "111002":
                group.parameters.append(str(part.TextValue))
            case "TEXT":
                group.texts[concept].append(str(part.TextValue))
            case "SCOORD3D":
                group.point = _point(part)
            case "IMAGE" if concept.value == "121191":  # referenced segment
                image = part.ReferencedSOPSequence[0]
                number = image.ReferencedSegmentNumber
                group.segment = str(image.ReferencedSOPInstanceUID), int(number)
    return group


def _landmark(name: str, group: _Group, automatic: _Group | None) -> Landmark:
    state = group.answers[codes.STATE].value
    source = group if automatic is None else automatic
    confirmed = group.answers[codes.CONFIRMED_BY_USER] == codes.YES
    return Landmark(
        name,
        group.point,
        source.numbers[codes.CONFIDENCE],
        source.numbers.get(codes.RADIUS),
        source.inferred_from if state in BY_HAND else group.point,
        confirmed,
    )


def _ear(group: _Group, landmarks: Mapping[str, Landmark], segmentations: Mapping[str, Any]) -> Ear:
    inside, geometry = np.zeros((1, 1, 1), np.uint8), Geometry(np.eye(4), (1, 1, 1))
    state = group.answers[codes.SEGMENT_STATE].value
    if group.segment is not None:
        uid, number = group.segment
        if uid not in segmentations:
            raise UnusableInput(
                "The segmentation that the structured report refers to is missing: fetch the whole "
                "study from the archive."
            )
        try:
            read = read_segments(segmentations[uid])[number]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise UnusableInput(
                "The segmentation that the structured report refers to is damaged: fetch the study "
                "from the archive again."
            ) from None
        inside, geometry = read.array, read.geometry
    elif state == AUTOMATIC:
        state = SEGMENT_REMOVED
    verdict = group.answers[codes.VERDICT].value
    sha256 = "".join(group.parameters).removeprefix(codes.SHA256_PARAMETER)
    findings = group.texts.get(codes.FINDINGS)
    return Ear(
        side=group.side,
        labyrinth=inside,
        geometry=geometry,
        landmarks=tuple(landmarks[name] for name in LANDMARKS),
        volume_mm3=float(inside.sum()) * geometry.voxel_volume,
        quality=Quality(
            cast(Verdict, verdict) if verdict in ("good", "check", "poor") else CHECK,
            tuple(group.texts[codes.REASON]),
        ),
        auxiliary=tuple(landmarks[name] for name in AUXILIARY if name in landmarks),
        segment=state,
        findings=Findings.from_json(json.loads(findings[0])) if findings else None,
        model=ModelIdentity(group.model["name"], group.model.get("version", ""), sha256),
    )


def read_segments(dataset: Any) -> dict[int, Volume]:
    """Read the segments of a Segmentation object, BINARY and on one grid, by their number.

    Each is uint8, 1 inside, cut to its own voxels, in RAS mm. Raises AttributeError, IndexError or
    ValueError if the object is of another kind.
    """
    shared = dataset.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, np.float64)
    row, column = axes[:3], axes[3:]
    normal = np.cross(row, column)
    step = float(measures.get("SpacingBetweenSlices", measures.SliceThickness))
    between_rows, between_columns = map(float, measures.PixelSpacing)
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    frames: dict[int, list[tuple[NDArray[np.float64], Any]]] = defaultdict(list)
    for groups, plane in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        # What all frames have in common stands in the shared groups.
        segment = (
            groups.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        )
        position = groups.get("PlanePositionSequence") or shared.PlanePositionSequence
        number = int(segment[0].ReferencedSegmentNumber)
        place = np.array(position[0].ImagePositionPatient, np.float64)
        frames[number].append((place, plane))
    segments = {}
    for number, planes in frames.items():
        first = min((place for place, _ in planes), key=lambda place: float(place @ normal))
        index = [round(float((place - first) @ normal) / step) for place, _ in planes]
        array = np.zeros((max(index) + 1, *pixels.shape[1:]), np.uint8)
        for k, (_, plane) in zip(index, planes, strict=True):
            array[k] = plane
        lps = np.eye(4)
        lps[:3, :3] = np.stack(
            [row * between_columns, column * between_rows, normal * step], axis=1
        )
        lps[:3, 3] = first
        whole = Geometry(RAS_FROM_LPS @ lps, cast(tuple[int, int, int], array.shape))
        inside = np.argwhere(array)
        low, high = inside.min(axis=0), inside.max(axis=0) + 1
        cut = np.ascontiguousarray(array[tuple(map(slice, low, high))])
        segments[number] = Volume(cut, whole.part(low[::-1], cut.shape))
    return segments


def _concept(item: Any) -> Concept:
    return _of(item.ConceptNameCodeSequence)


def _coded(item: Any) -> Concept:
    return _of(item.ConceptCodeSequence)


def _of(sequence: Sequence[Any]) -> Concept:
    item = sequence[0]
    value = item.get("CodeValue") or item.get("LongCodeValue")
    return Concept(str(value), str(item.CodingSchemeDesignator), str(item.CodeMeaning))


def _point(item: Any) -> Point:
    x, y, z = (float(value) for value in item.GraphicData[:3])
    return (-x, -y, z)
