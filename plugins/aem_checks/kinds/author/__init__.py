"""L, M: does authoring work, and does it reach publish?"""
