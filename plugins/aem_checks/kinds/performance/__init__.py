"""J: is the site as light and quick as it was?"""
