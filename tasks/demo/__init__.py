"""The bundled demo set."""
