"""A: does the site answer, with its own pages and for everybody?"""
