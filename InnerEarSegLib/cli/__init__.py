"""The command line, ``innerearseg``."""
