"""L, M: can authors work, and does what they publish arrive?"""
