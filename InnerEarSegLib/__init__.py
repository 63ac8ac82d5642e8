"""InnerEarSeg: the bony labyrinth and its landmarks from CT of the temporal bone.

The folders follow the journey of a CT: ``reading`` a file, ``finding`` the ear, ``inferring``
with the network, ``decoding`` what it says, and writing it into the ``scene``. The numbers
(everything but ``scene``) import neither slicer nor Qt. Not a medical device.
"""

__version__ = "0.1.0"
