"""K: is stage what production is, but for the release?"""
