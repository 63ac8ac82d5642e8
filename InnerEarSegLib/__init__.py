"""InnerEarSeg: the bony labyrinth and its landmarks from CT of the temporal bone.

Rooms import downwards only: ``panel`` (Qt), ``mrml`` (slicer), ``report``, ``batch``, ``cochlea``,
``segmentation``, ``model``, ``io``, ``types``. Not a medical device.
"""

__version__ = "0.1.0"
