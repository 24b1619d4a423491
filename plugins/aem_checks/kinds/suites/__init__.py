"""N: what do the team's own tests say?"""
