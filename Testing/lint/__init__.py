"""Checks of the source itself: names of Qt, CTK and Slicer, lists of files."""
