"""G: do search, APIs and forms answer?"""
