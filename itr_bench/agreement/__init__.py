"""Agreement between annotators: reading their files, coefficients, and the annotation sheet."""
