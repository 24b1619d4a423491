"""What is answered in place of a page: errors, log-ins, refusals, maintenance."""

from __future__ import annotations

from unit.aem_checks.pages.archetype_pages import TEASER, document
from unit.aem_checks.pages.page_case import PRODUCTION, STAGE, Case

PAGE_CHECKS = (
    "placeholders",
    "host_leaks",
    "indexing",
    "structured_data",
    "head_regression",
    "languages",
    "structure",
    "images",
    "links",
    "client_libraries",
)
"""Those that judge what a page shows, and so say nothing of an answer that is none."""


def _unread(code: str = "not_judged", but: tuple[str, ...] = ()) -> dict[str, str]:
    return {kind: code for kind in PAGE_CHECKS if kind not in but}


_SHORT = '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>{0}</title>\n</head><body>\n<h1>{1}</h1>\n'
_NOT_FOUND = (
    _SHORT.format("404 Not Found", "Not Found")
    + "<p>The requested URL was not found on this server.</p>\n</body></html>\n"
)
_BARE = {"key_pages": "too_small", "structure": "part_missing"}
_OF_NOTHING = {"images": "none_named", "client_libraries": "none_named", "links": "no_links"}
_HEADLESS = {"indexing": "canonical_number", "languages": "no_lang"}
_SIGN_IN = "/libs/granite/core/content/login.html"
_OF_ITS_TEXT = ("placeholders", "host_leaks")
"""Those that read whatever is text."""

_SAML = (
    '<html><head><title>Please wait</title></head><body onload="document.forms[0].submit()"><noscript><p>Note: since your '
    "browser does not support JavaScript, press the button to go on.</p></noscript><form method='post' "
    f"action='https://idp.larkfell.example/sso'><input type='hidden' name='SAMLRequest' value='{'fVJN' * 90}'/>"
    "<input type='submit' value='Go on'/></form></body></html>"
)
_AEM_SIGN_IN = (
    '<!DOCTYPE html><html class="coral-App" lang="en"><head><meta charset="utf-8"><title>AEM Sign In</title>'
    '<link rel="stylesheet" href="/etc.clientlibs/granite/clientlibs/login.lc-3f1c0a9d5b7e24681357acdf9b8e6042-lc.min.css">'
    '</head><body class="coral--light"><div id="backgrounds"></div><form class="coral-Form" name="login" method="post" '
    'action="/libs/granite/core/content/login.html/j_security_check"><input type="hidden" name="_charset_" value="UTF-8">'
    '<label for="username">User name</label><input id="username" name="j_username"><label for="password">Password</label>'
    '<input id="password" name="j_password" type="password"><button type="submit">Sign In</button></form></body></html>'
)
_CHALLENGE = (
    '<!DOCTYPE html><html lang="en"><head><title>Just a moment</title><meta name="viewport" content="width=device-width">'
    f'<style>{"body{margin:0} " * 30}</style></head><body><div class="main"><p>Checking your browser</p></div>'
    '<script src="https://challenges.firewall.example/v1/check.js"></script></body></html>'
)

DOORS = (
    Case(
        "branded-404",
        "the site's own error page, with its status",
        document(TEASER, title="Lost"),
        status=404,
        blocks={"key_pages": "status"},
        no_answer=_unread(),
    ),
    Case(
        "apache-404",
        "Apache's own words",
        _NOT_FOUND,
        status=404,
        blocks={"key_pages": "status"},
        no_answer=_unread(),
    ),
    Case(
        "error-page-as-page",
        "Apache's words with status 200",
        _NOT_FOUND,
        blocks=_BARE,
        warns={**_HEADLESS, "head_regression": "missing"},
        no_answer=_OF_NOTHING,
    ),
    Case(
        "server-error",
        "an internal error",
        _SHORT.format("500 Internal Server Error", "Internal Server Error"),
        status=500,
        blocks={"key_pages": "status"},
        no_answer=_unread(),
    ),
    Case(
        "maintenance",
        "503 with a time to come back",
        "<html><title>Back soon</title>Back soon</html>",
        status=503,
        headers={"Retry-After": "600"},
        blocks={"key_pages": "status"},
        no_answer=_unread(),
    ),
    Case(
        "refused-method",
        "an allow list that refuses this address: 405",
        "",
        status=405,
        no_answer={"key_pages": "no_answer", **_unread("no_answer")},
    ),
    Case(
        "refused",
        "403 of a firewall, with a reference",
        "<html><body>Access Denied. Reference 18.2d351ab8</body></html>",
        status=403,
        no_answer={"key_pages": "no_answer", **_unread("no_answer")},
    ),
    Case(
        "basic-auth",
        "the dispatcher asks for a password",
        _SHORT.format("401 Unauthorized", "Unauthorized"),
        status=401,
        headers={"WWW-Authenticate": 'Basic realm="stage"'},
        no_answer={"key_pages": "no_answer", **_unread("no_answer")},
    ),
    Case(
        "redirect-to-sign-in",
        "a page for signed-in people alone",
        "",
        status=302,
        headers={"Location": f"{STAGE}{_SIGN_IN}?resource=%2Fus%2Fen.html"},
        lacks=(_SIGN_IN,),
        blocks={"key_pages": "login"},
        no_answer=_unread(),
    ),
    Case(
        "redirect-to-identity-provider",
        "SAML by a redirect",
        "",
        status=302,
        headers={"Location": "https://login.microsoftonline.example/saml2?SAMLRequest=fVJN"},
        blocks={"key_pages": "login"},
        no_answer=_unread(),
    ),
    Case(
        "saml-post",
        "SAML by a form that posts itself, with status 200",
        _SAML,
        blocks={"key_pages": "login", "structure": "part_missing"},
        warns={**_HEADLESS, "head_regression": "missing"},
        no_answer=_OF_NOTHING,
    ),
    Case(
        "sign-in-in-place",
        "AEM's own sign-in in place of the page, with status 200",
        _AEM_SIGN_IN,
        blocks={"key_pages": "login", "structure": "part_missing"},
        warns={"indexing": "canonical_number", "head_regression": "missing"},
        no_answer={"images": "none_named", "links": "no_links"},
    ),
    Case(
        "members-form",
        "a good page with a log-in of its own for members",
        document(
            TEASER
            + '<form method="post" action="/us/en/walks.html/j_security_check"><input name="j_username"></form>'
        ),
    ),
    Case(
        "challenge",
        "a firewall that wants to see a browser, with status 200",
        _CHALLENGE,
        warns={"indexing": "canonical_number", "head_regression": "missing"},
        no_answer={**_OF_NOTHING, "structure": "made_by_script"},
    ),
    Case(
        "redirect-to-production",
        "stage sends everybody to production",
        "",
        status=301,
        headers={"Location": f"{PRODUCTION}/us/en/walks.html"},
        blocks={"key_pages": "leaves_site"},
        no_answer=_unread(),
    ),
    Case(
        "empty",
        "nothing, with status 200",
        "",
        blocks={**_BARE, "head_regression": "missing"},
        warns=_HEADLESS,
        no_answer=_OF_NOTHING,
    ),
    Case(
        "json-in-place",
        "the page's content as JSON",
        '{"jcr:primaryType":"cq:Page","sling:resourceType":"larkfell/components/page"}',
        headers={"Content-Type": "application/json"},
        blocks={"key_pages": "content_type"},
        no_answer=_unread(but=_OF_ITS_TEXT),
    ),
    Case(
        "as-download",
        "HTML that a browser would save",
        document(TEASER),
        headers={"Content-Type": "application/octet-stream"},
        blocks={"key_pages": "content_type"},
        no_answer=_unread(but=_OF_ITS_TEXT),
    ),
)
