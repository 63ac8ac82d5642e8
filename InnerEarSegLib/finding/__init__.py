"""Finding the ear and the pose in which it lies."""
