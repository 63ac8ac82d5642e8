"""One basal training and what becomes of it when one thing is changed."""
