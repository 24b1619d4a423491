"""D, H, I: do pages show what they should, to everybody?"""
