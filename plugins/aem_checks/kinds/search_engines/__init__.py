"""E: do search engines find what they shall, and nothing else?"""
