"""A small AEM project in the archetype's layout, as files."""

from __future__ import annotations

APPS = "ui.apps/src/main/content/jcr_root/apps/wknd"
CONF = "ui.content/src/main/content/jcr_root/conf/wknd/settings/wcm"
CORE = "core/src/main/java/com/wknd/core/models"
XML = (
    'xmlns:jcr="http://www.jcp.org/jcr/1.0" xmlns:sling="http://sling.apache.org/jcr/sling/1.0" '
    'xmlns:cq="http://www.day.com/jcr/cq/1.0"'
)


def component(super_type: str = "") -> str:
    above = f' sling:resourceSuperType="{super_type}"' if super_type else ""
    return f'<jcr:root {XML} jcr:primaryType="cq:Component"{above}/>'


def library(categories: str, embed: str = "[]") -> str:
    return f'<jcr:root {XML} jcr:primaryType="cq:ClientLibraryFolder" categories="{categories}" embed="{embed}"/>'


def policies(title: str = "Teaser", stamp: str = "2026-01-01", page: str = "x") -> str:
    kind = 'sling:resourceType="wcm/core/components/policy/policy"'
    return (
        f'<jcr:root {XML} jcr:primaryType="cq:Page"><wknd><components><teaser><policy_1 {kind} title="{title}" '
        f'jcr:lastModified="{stamp}"/></teaser><page><policy_2 {kind} clientlibs="{page}"/></page></components></wknd></jcr:root>'
    )


def pom(version: str = "1.0", core: str = "2.23.4", other: str = "") -> str:
    return (
        f'<project xmlns="http://maven.apache.org/POM/4.0.0"><groupId>com.wknd</groupId><artifactId>wknd</artifactId>'
        f"<version>{version}</version><properties><core.wcm.components.version>{core}</core.wcm.components.version>"
        f"</properties><dependencies><dependency><groupId>com.wknd</groupId><artifactId>core</artifactId><version>{version}"
        "</version></dependency><dependency><groupId>com.adobe.cq</groupId><artifactId>core.wcm.components.core</artifactId>"
        f"<version>${{core.wcm.components.version}}</version></dependency></dependencies>{other}</project>"
    )


FILES = {
    "pom.xml": pom(),
    "README.md": "WKND",
    f"{APPS}/components/teaser/.content.xml": component("core/wcm/components/teaser/v2/teaser"),
    f"{APPS}/components/teaser/teaser.html": '<div data-sly-use.model="com.wknd.core.models.Teaser"></div>',
    f"{APPS}/components/teaser/_cq_dialog/.content.xml": f"<jcr:root {XML}/>",
    f"{APPS}/components/hero/.content.xml": component("wknd/components/teaser"),
    f"{APPS}/components/hero/hero.html": '<sly data-sly-use.lib="/apps/wknd/templates/lib.html" '
    "data-sly-call=\"${clientlib.css @ categories='wknd.hero'}\"/>",
    f"{APPS}/components/page/.content.xml": component("core/wcm/components/page/v3/page"),
    f"{APPS}/components/page/head.html": "<head/>",
    f"{APPS}/components/byline/.content-cloud.xml": component(),
    f"{APPS}/components/byline/byline.html": "<p/>",
    f"{APPS}/templates/lib.html": "<template/>",
    f"{APPS}/clientlibs/clientlib-hero/.content.xml": library("[wknd.hero]"),
    f"{APPS}/clientlibs/clientlib-hero/css/hero.css": "h1 {}",
    f"{APPS}/clientlibs/clientlib-base/.content.xml": library("[wknd.base]", "[wknd.part]"),
    f"{APPS}/clientlibs/clientlib-base/part/.content.xml": library("{String}[wknd.part,wknd.other]"),
    f"{APPS}/clientlibs/clientlib-base/part/part.js": "1",
    f"{CORE}/Teaser.java": "package com.wknd.core.models;\npublic interface Teaser {}",
    f"{CORE}/impl/TeaserImpl.java": "package com.wknd.core.models.impl;\nimport com.wknd.core.models.Teaser;\n"
    "@Model(adapters = {Teaser.class})\npublic class TeaserImpl implements Teaser {}",
    f"{CORE}/Byline.java": 'package com.wknd.core.models;\nclass Byline { static final String T = "wknd/components/byline"; }',
    "core/src/main/java/com/wknd/core/services/Mail.java": "package com.wknd.core.services;\nclass Mail {}",
    "core/src/test/java/com/wknd/core/models/TeaserTest.java": "class TeaserTest {}",
    f"{CONF}/policies/.content.xml": policies(),
    f"{CONF}/templates/article/policies/.content.xml": f"<jcr:root {XML}>"
    '<teaser cq:policy="wknd/components/teaser/policy_1"/></jcr:root>',
    f"{CONF}/templates/article/structure/.content.xml": f"<jcr:root {XML}/>",
    "ui.content/src/main/content/jcr_root/content/wknd/us/en/.content.xml": f"<jcr:root {XML}/>",
    "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config.publish.prod/com.wknd.Mail~a.cfg.json": "{}",
    "ui.config/src/main/content/jcr_root/apps/wknd/osgiconfig/config.author/com.wknd.Edit.cfg.json": "{}",
    "ui.apps/src/main/content/jcr_root/_oak_index/lucene-custom-1/.content.xml": f"<jcr:root {XML}/>",
    "ui.apps/src/main/content/jcr_root/_oak_index/_rep_policy.xml": f"<jcr:root {XML}/>",
    "ui.frontend/package.json": '{"version": "1.0", "dependencies": {"swiper": "9.0.0"}}',
    "ui.frontend/clientlib.config.js": "module.exports = { libs: [{ name: 'clientlib-site', categories: ['wknd.site'] }] };",
    "ui.frontend/src/main/webpack/components/_byline.scss": "p {}",
    "ui.frontend/src/main/webpack/site/_base.scss": "p {}",
    "dispatcher/src/conf.dispatcher.d/filters/filters.any": "/0001 {}",
    "dispatcher/src/conf.d/available_vhosts/wknd.vhost": "<VirtualHost/>",
    "config/cdn.yaml": 'kind: "CDN"\nversion: "1"\ndata: {}',
    "it.tests/src/main/java/com/wknd/it/GetPageIT.java": "class GetPageIT {}",
    "ui.tests/test-module/specs/basic.js": "1",
    "classic/src/main/content/jcr_root/apps/wknd/x.html": "1",
    "strange/file.bin": "1",
}
