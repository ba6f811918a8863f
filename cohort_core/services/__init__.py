"""What pages, API and command line work with: who asks, what they may see, what they may do."""
