"""Speed and quality, each number with its command."""
