"""Sources of progress data: one package for each learning management system."""
