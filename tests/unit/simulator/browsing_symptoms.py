"""How does each defect that only a browser shows appear in the page's source?"""

from __future__ import annotations

from collections.abc import Callable

from simulator.aem import AemEnvironment
from simulator.aem.defects import PAGE
from unit.simulator.aem_visitor import ask

_IMAGE = "/us/en/magazine/_jcr_content/root/container/image.coreimg.90.1024.jpeg/1763800000000/magazine.jpeg"


def _shows(text: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: text.encode() in ask(aem, PAGE).body


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "script_error": _shows("larkfellCarousel.start()"),
    "offers_404": _shows("fetch('/us/en/offers.model.json')"),
    "button_without_name": _shows('<button class="cmp-button" type="button"></button>'),
    "shifted_title": _shows("letter-spacing: .5em"),
    "heavy_image": lambda aem: len(ask(aem, _IMAGE).body) > 2_000_000,
    "late_banner": _shows("document.body.prepend(late)"),
    "data_layer_lost": _shows("delete window.adobeDataLayer"),
    "development_tags": _shows("launch-EN4f1c2b-development.min.js"),
    "cookie_before_consent": _shows("_visitor=4711"),
    "tracker_before_consent": _shows("tracker.larkfell.example"),
}
