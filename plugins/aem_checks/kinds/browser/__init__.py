"""D, H, I, J, N: what does a browser see of the pages, with their tags and before consent?"""
