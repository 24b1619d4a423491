"""Where does one find an execution in Cloud Manager's UI? See ``cloud_manager``."""
