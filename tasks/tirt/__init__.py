"""TIRT: English tweets of Vempala & Preotiuc-Pietro 2019."""
