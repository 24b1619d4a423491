"""How do tasks and triggers reach Cloud Manager? See ``cloud_manager``."""
