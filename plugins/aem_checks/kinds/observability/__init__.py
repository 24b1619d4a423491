"""N: is the site measured, is consent respected, what did other tests say?"""
