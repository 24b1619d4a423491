"""What does the invented outdoor brand Larkfell say? Its words in two languages, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """One language tree of the site, with the fixed texts that its pages use."""

    root: str
    language: str
    name: str
    titles: dict[str, tuple[str, str]]
    activities: dict[str, str]
    near: str
    paragraphs: tuple[str, ...]
    labels: dict[str, str]


PLACES = (
    "Corven Tarn", "Brackwater", "Hollin Edge", "Skarrow", "Mirefell", "Ossel Gap",
    "Tindle Moor", "Varnhollow", "Grey Stack", "Ellerby Force", "Lund Rigg", "Pikestone",
)  # fmt: skip

ENGLISH = Locale(
    root="/us/en",
    language="en-US",
    name="English",
    titles={
        "": ("Larkfell", "Kit and routes for people who would rather be outside."),
        "magazine": ("Magazine", "Slow stories from high ground, cold water and small huts."),
        "adventures": ("Adventures", "Guided days and weekends, from first steps to long ridges."),
        "gear": ("Gear", "Packs, shells and stoves that are repaired rather than replaced."),
        "about": ("About Larkfell", "Who sews our packs, and why the workshop has no clock."),
        "search": ("Search", "Find a route, a story or a piece of kit."),
        "contact": ("Contact", "Write to the workshop; a person answers within two days."),
        "season": ("This season", "What opens, what closes and where the snow still lies."),
    },
    activities={
        "walking": "Hill walking",
        "paddling": "Paddling",
        "climbing": "Climbing",
        "skiing": "Ski touring",
        "riding": "Gravel riding",
        "camping": "Wild camping",
        "running": "Fell running",
        "surfing": "Surfing",
    },
    near="near",
    paragraphs=(
        "Leave the car at the chapel and follow the wall to its end; the path begins where the sheep stop.",
        "By noon the wind has usually made up its mind, and so should you.",
        "Fill your bottles at the second stream. The first one has opinions.",
        "The hut keeps dry wood under the left bench, and asks you to leave some for the next party.",
        "Pack a spare pair of gloves, even in June, and most of all in June.",
        "From the cairn you see both valleys, and the one that you came from looks shorter than it was.",
        "Our guides walk this round once a week and still take a map.",
        "On the way down, keep the water on your right and the tea in mind.",
    ),
    labels={
        "more": "Read more",
        "home": "Home",
        "search": "Search",
        "send": "Send",
        "mail": "Your e-mail",
        "message": "Your message",
        "next": "Next",
        "download": "Route sheet (PDF)",
        "newsletter": "A letter a month",
        "lost": "This path is not on our map",
        "lost_text": "The page may have moved. Start again at the trailhead.",
        "price": "from {amount} USD",
        "days": "{count} days",
    },
)

GERMAN = Locale(
    root="/de/de",
    language="de-DE",
    name="Deutsch",
    titles={
        "": ("Larkfell", "Ausrüstung und Routen für alle, die lieber draußen sind."),
        "magazine": ("Magazin", "Langsame Geschichten von Graten, kaltem Wasser und kleinen Hütten."),
        "adventures": ("Touren", "Geführte Tage und Wochenenden, vom ersten Schritt bis zum langen Grat."),
        "gear": ("Ausrüstung", "Rucksäcke, Jacken und Kocher, die man flickt statt ersetzt."),
        "about": ("Über Larkfell", "Wer unsere Rucksäcke näht und warum die Werkstatt keine Uhr hat."),
        "search": ("Suche", "Finde eine Route, eine Geschichte oder ein Stück Ausrüstung."),
        "contact": ("Kontakt", "Schreib der Werkstatt; binnen zwei Tagen antwortet ein Mensch."),
        "season": ("Diese Saison", "Was öffnet, was schließt und wo noch Schnee liegt."),
    },
    activities={
        "walking": "Wandern",
        "paddling": "Paddeln",
        "climbing": "Klettern",
        "skiing": "Skitouren",
        "riding": "Gravelbiken",
        "camping": "Zelten",
        "running": "Berglauf",
        "surfing": "Surfen",
    },
    near="bei",
    paragraphs=(
        "Lass das Auto an der Kapelle stehen und folge der Mauer bis zu ihrem Ende; dort beginnt der Pfad.",
        "Bis Mittag hat sich der Wind meist entschieden, und du solltest es auch.",
        "Fülle die Flaschen am zweiten Bach. Der erste ist eigensinnig.",
        "Unter der linken Bank der Hütte liegt trockenes Holz; lass etwas für die Nächsten da.",
        "Nimm Ersatzhandschuhe mit, auch im Juni, gerade im Juni.",
        "Vom Steinmann sieht man beide Täler, und das eigene wirkt kürzer, als es war.",
        "Unsere Führer gehen diese Runde jede Woche und nehmen trotzdem eine Karte mit.",
        "Auf dem Rückweg bleibt das Wasser rechts und der Tee im Sinn.",
    ),
    labels={
        "more": "Weiterlesen",
        "home": "Start",
        "search": "Suchen",
        "send": "Absenden",
        "mail": "Deine E-Mail",
        "message": "Deine Nachricht",
        "next": "Weiter",
        "download": "Routenblatt (PDF)",
        "newsletter": "Ein Brief im Monat",
        "lost": "Dieser Weg steht nicht auf unserer Karte",
        "lost_text": "Die Seite ist vielleicht umgezogen. Beginne noch einmal am Startpunkt.",
        "price": "ab {amount} EUR",
        "days": "{count} Tage",
    },
)

LOCALES = (ENGLISH, GERMAN)
