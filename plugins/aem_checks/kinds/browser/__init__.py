"""D, H, I, J: what does a browser see of the pages?"""
