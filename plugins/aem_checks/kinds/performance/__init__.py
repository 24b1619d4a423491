"""J: is the site as quick as it was?"""
