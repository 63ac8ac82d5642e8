"""What the network's outputs mean: points, surfaces, confidence."""
