"""Where progress comes from: one folder for each learning management system."""
