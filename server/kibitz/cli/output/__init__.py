"""What ``kibitz check`` prints: one file per format. Each takes reports as they come, then the totals."""
