"""Airflow tasks of a team as tests of a release: how are they declared, run and judged?"""
