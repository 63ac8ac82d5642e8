"""Results as a MRML scene: nodes, files and pictures, made by Slicer's own classes.

The functions take the scene, so they work in 3D Slicer and without it; only ``boot`` knows about
the case without the application. Nothing here imports Qt or torch.
"""
