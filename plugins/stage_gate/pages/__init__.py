"""Reports and files of the evidence, as Airflow's API server shows them."""
