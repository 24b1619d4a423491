const { $, browser } = require("@wdio/globals");
const assert = require("node:assert");

let tries = 0;

describe("the magazine", () => {
  it("has a title", async () => {
    await browser.url("/us/en/magazine.html");
    assert.strictEqual(await $("h1").getText(), "Magazine");
  });

  it("settles", () => {
    tries += 1;
    assert.ok(tries > 1, "not yet");
  });

  it.skip("has a newsletter", () => {});
});
