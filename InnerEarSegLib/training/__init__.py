"""Training both networks from packed arrays, with torch and numpy alone."""
