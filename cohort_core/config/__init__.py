"""Settings, credentials, thresholds and the folder that holds them."""
