"""Running the bundled network on windows of a CT."""
