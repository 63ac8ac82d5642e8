"""The network: its layers, the model file with its card and calibration, and inference."""
