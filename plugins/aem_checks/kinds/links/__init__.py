"""F: does every link lead somewhere?"""
