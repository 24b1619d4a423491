"""Reports in the shapes that real tools write, one per file beside this one, and what each of them amounts to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aem_checks.outcomes import Outcome

FOLDER = Path(__file__).with_name("reports")
PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE


@dataclass(frozen=True)
class Shape:
    """One report, how its command ended, and the right judgement."""

    file: str
    what: str
    exit_code: int
    outcome: Outcome
    executed: int
    flaky: int = 0
    said: str = ""
    """What a finding has to say, where that is the point."""


SHAPES = (
    Shape("surefire-green", "Surefire, JUnit 4, an assumption not met", 0, PASSED, 2),
    Shape("surefire-red", "Surefire, a failure and an error", 1, FAILED, 2),
    Shape(
        "surefire-rerun-green",
        "Surefire with `rerunFailingTestsCount`, totals that count tries",
        0,
        PASSED,
        2,
        flaky=1,
        said="flaky",
    ),
    Shape("surefire-rerun-red", "Surefire, every try failed", 1, FAILED, 2),
    Shape(
        "surefire-set-up-broken",
        "Surefire, the class could not be set up: a case without a name",
        1,
        FAILED,
        1,
    ),
    Shape("surefire-junit5-rows", "Surefire, JUnit 5, one row of three failed", 1, FAILED, 3),
    Shape(
        "surefire-all-aborted", "`<aborted/>` in every case", 0, INCONCLUSIVE, 0, said="skipped all 2 cases"
    ),
    Shape(
        "failsafe-flaky-error", "Failsafe, `flakyError` twice", 0, PASSED, 1, flaky=1, said="Read timed out"
    ),
    Shape(
        "failsafe-cut-off",
        "Failsafe, twelve cases declared and two listed",
        0,
        INCONCLUSIVE,
        2,
        said="declares 12 cases, but the report lists 2",
    ),
    Shape("gradle-green", "Gradle, JUnit 5", 0, PASSED, 2),
    Shape(
        "gradle-merged-reruns", "Gradle's test-retry with `mergeReruns`", 0, PASSED, 2, flaky=1, said="flaky"
    ),
    Shape(
        "gradle-listed-reruns",
        "Gradle's test-retry without `mergeReruns`, each try listed and counted as a case",
        0,
        FAILED,
        3,
        said="no hero",
    ),
    Shape(
        "gradle-listed-rows",
        "Gradle, two rows of one display name, one failed, exit code swallowed",
        0,
        FAILED,
        3,
    ),
    Shape("playwright-green", "Playwright, one case put off", 0, PASSED, 1),
    Shape("playwright-retries-told", "Playwright with `includeRetries`", 0, PASSED, 2, flaky=1, said="flaky"),
    Shape(
        "playwright-retries-untold",
        "Playwright without `includeRetries`: only the attachments tell",
        0,
        PASSED,
        2,
        flaky=1,
        said="flaky",
    ),
    Shape("playwright-retries-red", "Playwright, every try failed", 1, FAILED, 1),
    Shape("playwright-expected-failure", "Playwright, `test.fail()`: no retry", 0, PASSED, 1),
    Shape(
        "playwright-interrupted",
        "Playwright, forty cases declared and one listed",
        0,
        INCONCLUSIVE,
        1,
        said="declares 40 cases",
    ),
    Shape(
        "cypress-green-with-pending",
        "Cypress (Mocha's reporter), a pending case that is counted and not listed",
        0,
        PASSED,
        2,
    ),
    Shape("cypress-red", "Cypress, what is left of colours in the message", 1, FAILED, 2),
    Shape(
        "cypress-all-pending", "Cypress, every case pending", 0, INCONCLUSIVE, 0, said="reported no test case"
    ),
    Shape(
        "cypress-before-each-hook-red", "Cypress, a hook failed and its cases are not listed", 1, FAILED, 1
    ),
    Shape("wdio-green", "WebdriverIO", 0, PASSED, 1),
    Shape(
        "wdio-retried",
        "WebdriverIO with `retries`: a try that failed is listed as skipped",
        0,
        PASSED,
        2,
        flaky=1,
        said="still not displayed",
    ),
    Shape("wdio-retried-red", "WebdriverIO, every try failed", 1, FAILED, 2),
    Shape("jest-green", "jest-junit", 0, PASSED, 2),
    Shape("jest-suite-failed-to-run", "jest-junit, a file that can't be loaded", 1, FAILED, 1),
    Shape("vitest-green", "Vitest", 0, PASSED, 2),
    Shape("karma-green", "Karma", 0, PASSED, 1),
    Shape(
        "karma-browser-lost",
        "Karma, the browser went away: an error that is only counted",
        0,
        INCONCLUSIVE,
        1,
        said="declares 1 failures",
    ),
    Shape("pytest-green", "pytest, an expected failure and a skipped case", 0, PASSED, 2),
    Shape(
        "pytest-reruns",
        "pytest-rerunfailures: a try that failed is listed like a pass",
        0,
        PASSED,
        2,
        flaky=1,
        said="flaky",
    ),
    Shape("pytest-reruns-red", "pytest-rerunfailures, every try failed", 1, FAILED, 2),
    Shape(
        "pytest-teardown-error", "pytest, a teardown that failed is counted as one more case", 1, FAILED, 1
    ),
    Shape("pytest-collection-error", "pytest, a file that can't be loaded", 2, FAILED, 1),
    Shape("phpunit-red", "PHPUnit, suites inside of suites", 1, FAILED, 2),
    Shape("phpunit-warning", "PHPUnit, `<warning>`", 0, INCONCLUSIVE, 1, said="'<warning>'"),
    Shape("nunit2-attributes-green", "NUnit 2's attributes in a JUnit report", 0, PASSED, 2),
    Shape("nunit2-attributes-red", 'NUnit 2\'s `success="False"`, with no word of a failure', 0, FAILED, 2),
    Shape(
        "nunit3-attributes-inconclusive",
        "NUnit 3's `Inconclusive`",
        0,
        INCONCLUSIVE,
        1,
        said="'status=Inconclusive'",
    ),
    Shape("nunit3-converted-red", "NUnit 3 through its transformation", 1, FAILED, 2),
    Shape("xunit-converted-green", "xUnit.net through the JUnit logger", 0, PASSED, 1),
    Shape("newman-green", "Newman (Postman)", 0, PASSED, 2),
    Shape("newman-red", "Newman, an assertion failed", 1, FAILED, 2),
    Shape(
        "newman-request-error", "Newman, a request failed: the error stands beside the cases", 1, FAILED, 2
    ),
    Shape("robot-green", "Robot Framework", 0, PASSED, 2),
    Shape("robot-red", "Robot Framework, a keyword failed", 1, FAILED, 1),
    Shape("robot-status-words", "Robot Framework's `PASS` and `NOT RUN`", 0, PASSED, 1),
    Shape("cucumber-green", "Cucumber-JVM", 0, PASSED, 2),
    Shape("cucumber-undefined", "Cucumber-JVM, an undefined step", 1, FAILED, 1),
    Shape(
        "behave-untested",
        'behave, `status="untested"` in every case',
        0,
        INCONCLUSIVE,
        0,
        said="skipped all 2 cases",
    ),
    Shape("testng-ignored", "TestNG, `<ignored/>`", 0, PASSED, 1),
    Shape(
        "testng-set-up-skips-all",
        "TestNG, the set-up failed and every case is skipped",
        0,
        INCONCLUSIVE,
        0,
        said="skipped all 2 cases",
    ),
    Shape("go-green", "Go (gotestsum)", 0, PASSED, 2),
    Shape("go-panic", "Go, a panic", 1, FAILED, 1),
    Shape("k6-threshold-crossed", "k6, a threshold crossed", 99, FAILED, 2),
    Shape("k6-green", "k6", 0, PASSED, 1),
    Shape("ginkgo-timed-out", "Ginkgo, a time-out", 1, FAILED, 2),
    Shape(
        "googletest-disabled",
        "GoogleTest, every case disabled",
        0,
        INCONCLUSIVE,
        0,
        said="skipped all 2 cases",
    ),
    Shape("googletest-green", "GoogleTest's `run` and `completed`", 0, PASSED, 1),
    Shape("ctest-timeout-by-word", 'CTest, `status="timeout"` and nothing else', 0, FAILED, 2),
    Shape("maestro-green", "Maestro's `SUCCESS`", 0, PASSED, 1),
    Shape("nextest-flaky", "cargo-nextest, a pass on a retry", 0, PASSED, 1, flaky=1, said="flaky"),
    Shape("allure-words-broken", "Allure's `broken`", 0, FAILED, 2),
    Shape("own-blocked-and-passed", "`<blocked>` beside a pass", 0, PASSED, 1),
    Shape("own-unknown-element", "an element that nobody knows", 0, INCONCLUSIVE, 1, said="'<quarantined>'"),
    Shape("own-cancelled-by-word", '`result="cancelled"`', 0, INCONCLUSIVE, 1, said="'result=cancelled'"),
    Shape(
        "own-suite-says-failed",
        "a suite that says it failed and lists no failure",
        0,
        INCONCLUSIVE,
        1,
        said="result=Failure",
    ),
    Shape("own-nothing-in-it", "a report of nothing", 0, INCONCLUSIVE, 0, said="no test case"),
    Shape("own-raw-colours-red", "raw colours and a bell in a failure", 1, FAILED, 2, said="no teaser"),
    Shape("own-raw-colours-green", "raw colours in the output of a pass", 0, PASSED, 1, said="NO_COLOR"),
)
"""Every report of the folder."""


def table() -> Iterator[str]:
    """The corpus as lines of Markdown."""
    yield "| report | what it is | exit code | outcome | cases run | flaky |"
    yield "|---|---|---|---|---|---|"
    for each in SHAPES:
        yield (
            f"| {each.file} | {each.what} | {each.exit_code} | {each.outcome} | {each.executed} | {each.flaky} |"
        )
