"""Results as a MRML scene: nodes and files, made by Slicer's own classes, without Qt or torch.

The functions take the scene, so they work in 3D Slicer and without it (``headless_scene``).
"""
