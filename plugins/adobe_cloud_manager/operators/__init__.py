"""How is the go-live step acted on? See ``cloud_manager``."""
