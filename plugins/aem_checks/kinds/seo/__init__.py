"""E: do search engines see what they should?"""
