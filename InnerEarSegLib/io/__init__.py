"""Files: CT, datasets, manifests, landmarks, and the result folder."""
