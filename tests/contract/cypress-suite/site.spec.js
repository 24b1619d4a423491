const assert = require("node:assert");
const fs = require("node:fs");

let tries = 0;

describe("the magazine", function () {
  this.retries(1);
  this.timeout(120000);

  it("has a title", async () => {
    const page = await fetch(`${process.env.AEM_PUBLISH_URL}/us/en/magazine.html`);
    assert.match(await page.text(), /<h1[^>]*>\s*Magazine\s*<\/h1>/);
  });

  it("settles", () => {
    tries += 1;
    if (tries > 1) return;
    // What Cypress does by itself when a try fails.
    fs.writeFileSync(`${process.env.REPORTS_PATH}/the magazine -- settles (failed).png`, "png");
    assert.fail("\u001b[31mnot yet\u001b[0m");
  });

  it.skip("has a newsletter", () => {});
});
