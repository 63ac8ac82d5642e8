"""The volumetric 3D U-Net with two heads, and the config that describes it."""
