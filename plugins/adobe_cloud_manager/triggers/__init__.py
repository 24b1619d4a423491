"""How is Cloud Manager waited for without holding a worker? See ``cloud_manager``."""
