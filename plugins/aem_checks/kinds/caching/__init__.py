"""C: do dispatcher and CDN keep what they may, and only that?"""
