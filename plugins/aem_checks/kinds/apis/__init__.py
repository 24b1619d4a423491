"""G: do search, queries, services and forms still answer as agreed?"""
