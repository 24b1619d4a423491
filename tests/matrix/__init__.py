"""Does the built wheel run on the Airflows, Pythons and dependencies that it says it runs on?"""
