"""What a run decides: which class each sample is, and how early."""
