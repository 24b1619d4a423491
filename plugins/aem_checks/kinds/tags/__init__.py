"""N: do tags run, with consent and not without?"""
