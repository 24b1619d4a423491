"""How is a step of an execution waited for? See ``cloud_manager``."""
