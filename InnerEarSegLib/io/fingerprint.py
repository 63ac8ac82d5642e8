"""Tell a CT by its voxels, whatever name, format or order of axes its file has."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .hounsfield import AIR, MAX_HU

DOI = "10.5281/zenodo.3355272"
"""Of the human bony labyrinth dataset (see ``io.dataset``)."""

SPECIMENS = {
    "F01": "bbc850ac36b7a4906156985955e92d3c701316be267db017a4a856c48c5a072f",
    "F03": "700a4dfac65df23c2e42e32d26f039c70a1a8fad6fb89c6d27c4027b84d637da",
    "F04": "cf690f75ae9ba5a16f48a3c70b3ceaf89b607ef8f04eb993ead526c3995cd3a5",
    "F05": "aad1a7c13927be7498b3b7aff69f91fc3b7f8e538141e27785e6c89b447b592a",
    "F06": "5eec91d265670e7ae3adf9a29be80da6780d8e5ebe0272276b5c6d405013d48b",
    "F10": "be05f3581235f0e7915b61e0b9e3f330add52043a2c1e933b5a2ae7b93d66c3a",
    "F11": "9b38f83769b9b8237327791b4413f532087d34fbbece696cd418f332412fbf2b",
    "F12": "9678f0d5300cfccc56b46ed3116c945e08574f5c95344bb63cc5f1a207128f5a",
    "F13": "119bb1e1c665ce7f0cb8c51a3d1413ab3edaa06e4a7cbcf33784b1aa15b648d0",
    "F15": "8ac4c8e4cafb2590773f79c2c75072e9f12d9125e1d09eda20378398979d80cd",
    "T01": "8447b80d98112d8f74ef85113f6665a98a694775148d6bea73d0b78c4007be6f",
    "T03": "f033fa72d7f99479dab619b07e619a8721437034040f558ebe296fa53b066314",
    "T04": "d4761a031ab4ed0d6852409b388dddf5ab98409df06d6411b88c4324070d15ac",
    "T05": "f8551fa4b781b0e1b456587ddb52c7044d3942353f8b142e0dd0335563e118b5",
    "T07": "43976779b56fe35fc0a349bf5d489f2bc32aacfdb2f5c654ebe6a4db63cf4b9d",
}
"""Fingerprints of the CTs of the specimens that this project trains on and tests with, by name;
T04 is cut short to 110 slices."""


def fingerprint(ct: NDArray[Any]) -> str:
    """Return a SHA-256, as hexadecimal digits, over how often each HU occurs in a CT [k, j, i].

    Cropping, resampling and rescaling change it; turning, mirroring, renaming and saving in another
    format do not. Values below -1024 count as -1024, as readers take them for padding.
    """
    clipped = np.clip(ct, AIR, MAX_HU)
    if clipped.dtype.kind == "f":
        values, counts = np.unique(clipped, return_counts=True)
    else:
        every = np.zeros(MAX_HU - AIR + 1, np.int64)
        for part in clipped:  # slice by slice: bincount takes 8 bytes a voxel
            every += np.bincount(part.astype(np.int64).ravel() - AIR, minlength=len(every))
        levels = np.flatnonzero(every)
        values, counts = levels + AIR, every[levels]
    content = values.astype("<f8").tobytes() + counts.astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()
