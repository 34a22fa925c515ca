"""The pages of the leaderboard, made of checked results."""
