"""The adapters of the package, the presets, and what is known of other adapters."""
