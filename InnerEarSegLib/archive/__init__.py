"""Results as DICOM objects of the source series' study, and their way into an archive."""
