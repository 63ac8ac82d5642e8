"""From an ear to the numbers behind an electrode choice."""
