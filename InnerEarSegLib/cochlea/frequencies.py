"""Which frequency belongs to which place of the duct: organ of Corti and spiral ganglion.

Sources: Greenwood DD, J Acoust Soc Am 87 (1990) 2592-2605, doi:10.1121/1.399052, with the constants
for man as Stakhovskaya et al. quote them; Stakhovskaya O et al., J Assoc Res Otolaryngol 8 (2007)
220-233, PMC2394499; Helpard L et al., J Otolaryngol Head Neck Surg 49 (2020), s40463-019-0398-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .duct import CENTRE, LATERAL, Duct
from .frame import Vector

GREENWOOD_HZ, GREENWOOD_SLOPE, GREENWOOD_K = 165.4, 2.1, 0.88

_CORTI_SHARE = 0.35
"""How far the organ of Corti lies from the lateral wall towards the centre line of the bony canal,
as a share of both curves' lengths. So chosen that the mean of the 14 labelled specimens, 33.1 mm,
is that of nine dissected cochleae, 33.13 mm (SD 2.11; Stakhovskaya et al. 2007)."""

_HELICOTREMA_DEG = 67.8
"""The basilar membrane ends so far before the tip of the cochlea (SD 37.9; 14 cochleae imaged with
synchrotron radiation, Helpard et al. 2020)."""

GANGLION_HZ = (
    (0.0, 90.0, 180.0, 270.0, 360.0, 450.0, 540.0, 630.0, 720.0),
    (17225.0, 6193.0, 3174.0, 1539.0, 785.0, 550.0, 366.0, 215.0, 58.0),
)
"""Angle from the round window in degrees and mean frequency of the spiral ganglion there in Hz, by
Stakhovskaya et al. 2007. The numbers are as the openMHA project reprints them; the paper's own
table was not at hand."""


def greenwood(place: float) -> float:
    """Frequency in Hz at a place on the organ of Corti: 0 at the apex to 1 at the base.

    165.4 (10^(2.1 x) - 0.88), 20 Hz to 20.7 kHz (Greenwood 1990).
    """
    return float(GREENWOOD_HZ * (10.0 ** (GREENWOOD_SLOPE * place) - GREENWOOD_K))


def ganglion_frequency(angle_deg: float) -> float | None:
    """Frequency in Hz of the spiral ganglion at an angle, None beyond its end at 720 degrees.

    Between the angles of GANGLION_HZ the logarithm is interpolated.
    """
    angles, hertz = GANGLION_HZ
    if not angles[0] <= angle_deg <= angles[-1]:
        return None
    return float(np.exp(np.interp(angle_deg, angles, np.log(hertz))))


@dataclass(frozen=True, eq=False)
class OrganOfCorti:
    """The organ of Corti of one duct.

    Attributes:
        angles: (n,) degrees from the round window.
        lengths: (n,) mm along it.
        end_deg: where it ends, before the duct does.
    """

    angles: Vector
    lengths: Vector
    end_deg: float

    @classmethod
    def of(cls, duct: Duct) -> OrganOfCorti:
        """Between lateral wall and centre line; extrapolated as far as they are."""
        wall, middle = (duct.curves[name].lengths for name in (LATERAL, CENTRE))
        lengths = (1.0 - _CORTI_SHARE) * wall + _CORTI_SHARE * middle
        return cls(duct.angles, lengths, duct.apex_deg - _HELICOTREMA_DEG)

    @property
    def length(self) -> float:
        """All of it, in mm."""
        return float(np.interp(self.end_deg, self.angles, self.lengths))

    def frequency(self, angle_deg: float) -> float | None:
        """Greenwood's frequency in Hz at an angle; None before the window and beyond the end."""
        if not 0.0 <= angle_deg <= self.end_deg:
            return None
        return greenwood(1.0 - float(np.interp(angle_deg, self.angles, self.lengths)) / self.length)


def hertz_text(hertz: float | None) -> str:
    """A frequency to read: "820 Hz", "6.2 kHz"; None, as past the end of a map: "beyond"."""
    if hertz is None:
        return "beyond"
    return f"{hertz / 1000.0:.1f} kHz" if hertz >= 1000.0 else f"{hertz:.0f} Hz"


def octaves(hertz: float, other_hertz: float) -> float:
    """How many octaves a frequency lies above another."""
    return math.log2(hertz / other_hertz)
