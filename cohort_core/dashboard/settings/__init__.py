"""The parts of the Settings page, one file each; the Connect page uses `connection` too."""
