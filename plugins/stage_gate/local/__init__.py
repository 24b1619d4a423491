"""How is a whole Airflow run on one machine: for ``make up``, the demo and the tests?"""
