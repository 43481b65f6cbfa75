"""What kibitz's processes on this machine remember together: one database file, and where it is."""
