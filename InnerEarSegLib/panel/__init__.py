"""The panel in 3D Slicer: Qt over ``scene``. Never imports torch, which runs in a child process."""
