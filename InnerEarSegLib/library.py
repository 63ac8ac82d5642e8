"""A CT in, its ears out: what ``innerearseg segment`` does, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from .cochlea.measurements import CochlearMeasurements, measure
from .io.images import ct_of
from .io.region import region_of
from .model.bundle import Model, load_model
from .progress import CancelCheck, Progress, ProgressCallback
from .segmentation import pipeline
from .types import Segmentation, Side, Volume


@dataclass(frozen=True, eq=False)
class SegmentedCT(Segmentation):
    """A result together with its CT, so that it can be measured and saved.

    Attributes:
        ct: in HU, as it was segmented; ``ct.geometry`` is its grid.
    """

    ct: Volume = field(kw_only=True, repr=False)

    @cached_property
    def measurements(self) -> dict[Side, CochlearMeasurements]:
        """The measurements of each ear, with the same values as on the command line."""
        return {ear.side: measure(ear) for ear in self.ears}

    def rows(self) -> list[dict[str, Any]]:
        """One row a measurement and ear, as in ``measurements.csv``: ``pandas.DataFrame(rows)``."""
        return [row for measured in self.measurements.values() for row in measured.rows()]

    def save(self, folder: Path | str) -> Path | None:
        """Write what ``innerearseg segment`` writes; see ``write_result``.

        Returns:
            Where an earlier folder that may have been edited is now; None if none was renamed.
        """
        from .mrml.files import write_result

        return write_result(self, self.ct, folder)


def segment(
    ct: Any,
    model: Model | Path | str | None = None,
    *,
    affine: ArrayLike | None = None,
    series: str | None = None,
    center: Sequence[float] | None = None,
    roi: Sequence[float] | None = None,
    device: str = "auto",
    report: ProgressCallback | None = None,
    is_cancelled: CancelCheck | None = None,
) -> SegmentedCT:
    """Find the inner ears in a CT of any field of view.

        result = segment("ear.nii.gz")
        result.ears[0].points["round window"]  # RAS mm

    Args:
        ct: a path to anything that ``innerearseg segment`` reads; a Volume; an image of nibabel or
            SimpleITK; or an array [i, j, k] in HU with its ``affine``. It is not changed.
        model: a loaded one, or its file; None for the bundled model, which stays loaded.
        affine: of an array: 4 x 4, from IJK to RAS mm.
        series: of a DICOM folder with several: the SeriesInstanceUID.
        center: R, A, S in mm of a point in or near the ear, to search there alone.
        roi: R, A, S and the full edge lengths dR, dA, dS in mm of a box to search instead.
        device: "auto", "cpu", "cuda", "mps", "cuda:1"; a loaded model stays where it is.
        report: called with (stage, fraction, message).
        is_cancelled: polled about ten times a second.

    Returns:
        No ear, one, or one of each side.

    Raises:
        Cancelled: within a second of ``is_cancelled`` returning True.
        UnusableInput: the CT, the region or the device cannot be used.
        UnusableModel: the model's file is damaged or of another schema.
    """
    progress = Progress(report, is_cancelled)
    region = region_of(center, roi)
    progress.stage("read", 0.02, "Reading the CT")
    volume = ct_of(ct, affine, series)
    progress.stage("load", 0.06, "Loading the model")
    if model is None:
        model = _bundled(device)
    elif not isinstance(model, Model):
        model = load_model(model, device, progress=progress)
    on = _devices(model)
    found = pipeline.segment(volume, model, region=region, progress=progress)
    if _devices(model) != on:
        _bundled.cache_clear()  # for this CT alone the model was moved to the CPU
    return SegmentedCT(**{x.name: getattr(found, x.name) for x in fields(found)}, ct=volume)


def _devices(model: Model) -> set[str]:
    return {network.device.type for network in (model.locate, model.orient, model.refine)}


@lru_cache(maxsize=1)
def _bundled(device: str) -> Model:
    return load_model(device=device)
