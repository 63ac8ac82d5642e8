"""Landmarks and measurements as a DICOM Comprehensive 3D SR after template TID 1500."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cochlea.catalogue import VOLUME, Measurement
from ..cochlea.measurements import CochlearMeasurements
from ..io import dicom_codes
from ..io.dicom_codes import DEFINITIONS, MANUFACTURER, Concept, private
from ..report.subject import Subject
from ..types import (
    BY_HAND,
    LANDMARK_DEFINITIONS,
    RAS_FROM_LPS,
    Ear,
    Landmark,
    Point,
    Side,
)
from .identity import add_coding_scheme, coded, equipment, new_uid, series_of
from .source import SourceSeries

DECIMALS = 6
"""Of numbers in the object: a DICOM number has at most 16 characters."""


def structured_report(
    subject: Subject,
    source: SourceSeries,
    segmentations: Sequence[Any],
    segments: dict[Side, tuple[Any, int]],
    observer: str = "",
) -> Any:
    """Return a highdicom Comprehensive3DSR, not yet filed under the source's patient.

    Args:
        segmentations: the Segmentation objects that it refers to.
        segments: of each side's labyrinth, if any, the object and the segment's number.
        observer: who reviewed the result, as the user wants it to appear; may be empty.
    """
    from highdicom import sr
    from pydicom.sr.codedict import codes

    content = subject.segmentation
    groups: list[Any] = []
    for ear in content.ears:
        measured = subject.measurements[ear.side]
        series = str(source.original.SeriesInstanceUID)
        groups.append(_ear(ear, measured, series, segments.get(ear.side)))
        for landmark in (*ear.landmarks, *ear.auxiliary):
            groups += _landmark(landmark, ear.side, source.frame_of_reference)
    device = sr.ObserverContext(
        codes.DCM.Device,
        sr.DeviceObserverIdentifyingAttributes(
            uid=new_uid(), name=MANUFACTURER, manufacturer_name=MANUFACTURER,
            model_name=equipment()["software_versions"],
        ),
    )  # fmt: skip
    person = None
    if observer:
        person = sr.ObserverContext(
            codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(observer)
        )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(person, device),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    made = sr.Comprehensive3DSR(
        evidence=[*segmentations, *source.headers],
        content=report,
        is_complete=True,
        **series_of("report"),
        **equipment(),
    )
    add_coding_scheme(made)
    return made


def _ear(ear: Ear, measured: CochlearMeasurements, series: str, segment: Any) -> Any:
    """The measurements and the quality of an ear, on its segment of a series where there is one."""
    from highdicom import sr

    arguments: dict[str, Any] = {
        "tracking_identifier": _tracking(f"Labyrinth {ear.side}"),
        "finding_category": coded(dicom_codes.ANATOMICAL_STRUCTURE),
        "finding_type": coded(dicom_codes.INNER_EAR),
        "finding_sites": [_site(ear.side)],
        "algorithm_id": sr.AlgorithmIdentification(
            name=ear.model.name,
            version=ear.model.version or "unknown",
            parameters=[f"{dicom_codes.SHA256_PARAMETER}{ear.model.sha256}"]
            if ear.model.sha256
            else None,
        ),
        "measurements": [
            _measurement(x, measured) for x in measured.measurements if x.value is not None
        ],
        "qualitative_evaluations": [
            _answer(dicom_codes.SEGMENT_STATE, dicom_codes.SEGMENT_STATES[ear.segment]),
            _answer(dicom_codes.VERDICT, dicom_codes.VERDICTS[ear.quality.verdict]),
        ],
    }
    if segment is None:
        group: Any = sr.MeasurementsAndQualitativeEvaluations(**arguments)
    else:
        made, number = segment
        referenced = sr.ReferencedSegment(
            made.SOPClassUID,
            made.SOPInstanceUID,
            number,
            source_series=sr.SourceSeriesForSegmentation(series),
        )
        group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=referenced, **arguments
        )
    for reason in ear.quality.reasons:
        _add_text(group, dicom_codes.REASON, reason, "CONTAINS")
    if ear.findings is not None:
        text = json.dumps(ear.findings.to_json())
        _add_text(group, dicom_codes.FINDINGS, text, "CONTAINS")
    return group


def _landmark(landmark: Landmark, side: Side, frame: str) -> list[Any]:
    """A group for where a landmark is now, and one for where it was found if that differs."""
    from highdicom import sr

    name, state = landmark.name, landmark.state
    concept = dicom_codes.LANDMARK_CONCEPTS.get(name, private(name))
    by_hand = state in BY_HAND
    arguments: dict[str, Any] = {
        "tracking_identifier": _tracking(f"{name} {side}"),
        "finding_category": coded(dicom_codes.LANDMARK),
        "finding_type": coded(concept),
        "finding_sites": [_site(side)],
        "measurements": [] if by_hand else _certainty(landmark),
        "qualitative_evaluations": [
            _answer(dicom_codes.STATE, dicom_codes.STATES[state]),
            _answer(
                dicom_codes.CONFIRMED_BY_USER,
                dicom_codes.YES if landmark.confirmed else dicom_codes.NO,
            ),
        ],
    }
    if landmark.ras is None:
        group: Any = sr.MeasurementsAndQualitativeEvaluations(**arguments)
    else:
        region = sr.ImageRegion3D("POINT", _lps(landmark.ras), frame)
        group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            referenced_region=region, **arguments
        )
    if name in LANDMARK_DEFINITIONS:
        _add_text(group, dicom_codes.COMMENT, LANDMARK_DEFINITIONS[name], "CONTAINS")
    if not by_hand:
        return [group]
    at = landmark.automatic_ras
    where = [] if at is None else [sr.CoordinatesForMeasurement3D("POINT", _lps(at), frame)]
    found = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(f"{name} {side}, automatic position"),
        finding_category=coded(dicom_codes.AUTOMATIC_POSITION),
        finding_type=coded(concept),
        finding_sites=[_site(side)],
        measurements=_certainty(landmark, where),
    )
    return [group, found]


def _certainty(landmark: Landmark, where: Sequence[Any] = ()) -> list[Any]:
    """Confidence and 90 % radius of the automatic position, inferred from where that is."""
    numbers = [_number(dicom_codes.CONFIDENCE, landmark.confidence, "", where)]
    if landmark.radius_mm is not None:
        numbers.append(_number(dicom_codes.RADIUS, landmark.radius_mm, "mm"))
    return numbers


def _measurement(item: Measurement, measured: CochlearMeasurements) -> Any:
    """One measurement with its ±, definition, source and remark."""
    concept = dicom_codes.VOLUME if item.key == VOLUME else private(item.key, item.label)
    made = _number(concept, item.value or 0.0, item.unit)
    if item.uncertainty is not None:
        made[0].ContentSequence.extend(
            _number(dicom_codes.UNCERTAINTY, item.uncertainty, item.unit, relation="HAS PROPERTIES")
        )
    source = f" Source: {item.source}." if item.source else ""
    half = " +/- is half the width of the 90 % interval." if item.uncertainty is not None else ""
    text = f"{item.definition}{source}{half}"
    _add_text(made, dicom_codes.COMMENT, text, "HAS PROPERTIES")
    if remark := measured.remark_on(item):
        _add_text(made, dicom_codes.COMMENT, f"Remark: {remark}", "HAS PROPERTIES")
    return made


def _number(
    concept: Concept,
    value: float,
    unit: str = "",
    where: Sequence[Any] = (),
    relation: str = "CONTAINS",
) -> Any:
    from highdicom import sr
    from highdicom.sr import Measurement as Number

    units = coded(dicom_codes.UNITS[unit])
    rounded = round(float(value), DECIMALS)
    if relation != "CONTAINS":
        return [sr.NumContentItem(coded(concept), rounded, units, relationship_type=relation)]
    made = Number(coded(concept), rounded, units, referenced_coordinates=list(where) or None)
    if concept in DEFINITIONS:
        _add_text(made, dicom_codes.COMMENT, DEFINITIONS[concept], "HAS PROPERTIES")
    elif "ContentSequence" not in made[0]:
        made[0].ContentSequence = sr.ContentSequence()
    return made


def _answer(question: Concept, answer: Concept) -> Any:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(coded(question), coded(answer))


def _add_text(template: Any, concept: Concept, text: str, relation: str) -> None:
    from highdicom import sr

    if "ContentSequence" not in template[0]:
        template[0].ContentSequence = sr.ContentSequence()
    item = sr.TextContentItem(coded(concept), text, relationship_type=relation)
    template[0].ContentSequence.append(item)


def _tracking(identifier: str) -> Any:
    from highdicom.sr import TrackingIdentifier

    return TrackingIdentifier(uid=new_uid(), identifier=identifier)


def _site(side: Side) -> Any:
    from highdicom.sr import FindingSite

    return FindingSite(coded(dicom_codes.INNER_EAR), coded(dicom_codes.LATERALITY[side]))


def _lps(ras: Point) -> Any:
    """LPS mm (1, 3) of a point."""
    return (RAS_FROM_LPS[:3, :3] @ np.asarray(ras, np.float64))[None]
