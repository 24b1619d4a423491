"""A gate with our own tasks among its tests. An example of gate_dag, for Airflow.

Copy it beside stage_gates.py and give it the name of your gate file: it then builds that gate's Dag.
"""

from urllib.request import urlopen

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import task

from stage_gate import as_stage_test, gate_dag, stage_test

PLACE = "/tmp/shop"  # noqa: S108 - a folder that the tests and the worker of their task share
TO = PLACE + "/{{ candidate.execution_id }}/{{ candidate.attempt }}/{{ candidate.part }}"

with gate_dag("wknd") as dag:

    @stage_test(within="5m")
    def pages_answer(site, candidate):  # type: ignore[no-untyped-def]
        """An assertion that fails is a finding; what is returned is what was examined."""
        for page in site.pages:
            with urlopen(f"{site.stage}{page}", timeout=30) as answer:  # noqa: S310 - the gate file's own address
                assert answer.status == 200, (
                    f"{page} of execution {candidate.execution_id} answers {answer.status}"
                )
        return site.pages

    @task
    def commands() -> list[str]:
        """A helper: drawn, and no test. Here it stands for your test tool, once for each browser."""
        report = """<testsuite name='shop'><testcase name='basket in {}'/></testsuite>"""
        write = 'mkdir -p "$TO" && echo "{}" > "$TO/report.xml"'
        return [write.format(report.format(browser)) for browser in ("chrome", "firefox")]

    shop = BashOperator.partial(task_id="shop", env={"TO": TO}, append_env=True).expand(
        bash_command=commands()
    )
    as_stage_test(shop, reports=PLACE + "/{execution_id}/{attempt}/{part}/*.xml", within="20m")
