"""Machine translation: making it by models and servers, and measuring its quality."""
