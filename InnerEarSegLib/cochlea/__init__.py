"""The cochlear frame and the measurements of a cochlea with their uncertainty."""
