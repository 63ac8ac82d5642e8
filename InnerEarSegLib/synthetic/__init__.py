"""Synthetic ear and head CT with exact labels and landmarks: for demo, tests and training.

The shapes are formulas. Their constants were set by eye and rounded, so that size, proportions and
Hounsfield units resemble the development specimens of the human bony labyrinth dataset (Wimmer et
al. 2019, CC BY 4.0). They contain no voxel, mesh or landmark of a specimen.
"""
