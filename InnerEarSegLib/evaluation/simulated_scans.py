"""Specimens as other scanners would show them: simulated cone-beam and clinical CTs."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..io.case import Case
from ..io.fingerprint import SPECIMENS, fingerprint
from ..segmentation.pose import fit_orthonormal
from ..synthetic.rescan import AXIAL_NORMAL, ScanProtocol, axes_across, rescan
from ..types import Volume, side_sign

AS_SCANNED = "as scanned"
PROTOCOLS = {
    "cone beam": ScanProtocol(0.3, 0.5, 0.3, 0.3, 0.2, 60.0, 0.5),
    "bone kernel": ScanProtocol(0.45, 0.65, 0.6, 0.6, 0.5, 60.0, 0.5),
    "soft kernel": ScanProtocol(0.5, 1.1, 1.0, 1.0, 0.0, 20.0, 0.9),
}
"""Cubes of 0.3 mm; 0.45 x 0.45 x 0.6 mm; 0.5 x 0.5 x 1.0 mm: what hospitals have, from sharp to
soft."""

SCANS = (AS_SCANNED, *PROTOCOLS)

KERNELS = {
    "bone": ScanProtocol(0.3, 0.6, 0.6, 0.4, sharpen=0.6, noise_hu=80.0, noise_fwhm_mm=0.5),
    "soft": ScanProtocol(0.3, 1.1, 0.6, 0.4, noise_hu=25.0, noise_fwhm_mm=0.9),
}
"""Two reconstructions of one scan of a temporal bone, on one grid."""

TILT = 0.15
"""Standard deviation of the slices' normal, a unit vector, along each axis: about 9 degrees."""

NAMES = {known: name for name, known in SPECIMENS.items()}
"""Stand for specimens' fingerprints, so that figures measured before there were any still hold."""

Template = dict[str, NDArray[np.float64]]


def in_scan(case: Case, scan: str, template: Template) -> Case:
    """Return a case with the CT of one of SCANS; the same in every call, whatever its name.

    The slices lie as in a patient on the table, a little tilted. The reference stays as it is.

    Args:
        case: with a CT of about 0.2 mm or finer, as simulation can only take away.
        scan: its name.
        template: canonical mm by landmark, which tells how the ear lies.

    Raise UnusableInput if the reference lacks the side, or three landmarks.
    """
    if scan == AS_SCANNED:
        return case
    names = [name for name in template if name in case.landmarks]
    if len(names) < 3:
        raise UnusableInput(
            "Its reference lacks the landmarks that tell how the ear lies, so that no scan of it "
            "can be simulated."
        )
    source, target = (np.array([of[name] for name in names]) for of in (template, case.landmarks))
    pose = fit_orthonormal(source, target, side_sign(case.stated_side)).matrix
    known = fingerprint(case.ct.array)
    rng = np.random.default_rng(zlib.crc32(f"{NAMES.get(known, known)}, {scan}".encode()))
    normal = AXIAL_NORMAL / np.linalg.norm(AXIAL_NORMAL) + TILT * rng.normal(size=3)
    axes = axes_across(pose[:3, :3] @ normal, rng)
    volume = _scanned(case.ct, axes, PROTOCOLS[scan], rng)
    return replace(case, ct=replace(volume, array=volume.array.round().astype(np.int16)))


def with_kernel(ct: Volume, kernel: str) -> Volume:
    """Simulate a clinical scan of a specimen with one of KERNELS; the same in every call.

    Both kernels have the same grid, turned against the specimen's.
    """
    rng = np.random.default_rng(0)
    axes = axes_across(rng.normal(size=3), rng)
    return _scanned(ct, axes, KERNELS[kernel], rng)


def _scanned(
    ct: Volume, axes: NDArray[np.float64], how: ScanProtocol, rng: np.random.Generator
) -> Volume:
    """A CT scanned again (see ``rescan``), float32."""
    values = torch.from_numpy(np.ascontiguousarray(ct.array, np.float32))
    scan, grid = rescan(values, ct.geometry, axes, how, rng)
    return Volume(scan.numpy(), grid, ct.name)
