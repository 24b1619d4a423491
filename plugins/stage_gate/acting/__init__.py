"""Who may approve or halt production, and how is it done at most once?"""
