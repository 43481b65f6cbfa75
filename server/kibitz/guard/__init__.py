"""What may leave the machine, and what may come back."""
