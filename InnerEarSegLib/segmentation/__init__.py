"""From a CT to ears: detection, pose, landmarks, labyrinth and their quality."""
