"""B: is closed what has to be closed?"""
