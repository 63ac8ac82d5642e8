"""Strict stand-ins that run a Slicer scripted module on PySide6 and a real MRML scene."""
