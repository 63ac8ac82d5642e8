"""Stories through the panel: stand-ins, not tested in 3D Slicer."""
