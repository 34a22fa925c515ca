"""Templates and assets of the pages, published results, and what was submitted."""
