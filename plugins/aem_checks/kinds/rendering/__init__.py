"""D: do pages show what they should?"""
