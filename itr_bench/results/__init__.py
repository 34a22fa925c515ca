"""What runs leave behind, read and scored."""
