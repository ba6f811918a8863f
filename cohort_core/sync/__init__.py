"""The sync: its algorithm, its jobs, the lock that they hold, and the schedule."""
