"""How good results are, against references."""
