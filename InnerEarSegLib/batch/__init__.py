"""A cohort of CTs, one after the other and several at a time, resumable."""
