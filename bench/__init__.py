"""What is promised about speed, measured: one script for each promise, each against a reference in the same run."""
