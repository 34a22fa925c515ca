"""What is submitted to the leaderboard: its format, making it, and checking it."""
