"""What does a dispatcher's configuration say? Readers of its files; what it should say is judged elsewhere.

Each reader takes a mapping of paths to texts, so it does not matter where the files come from.
"""
