"""Which few pages show every component and template that a site uses?"""
