"""The report of a CT: page, PDF and tables."""
