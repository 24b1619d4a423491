const { test, expect } = require("@playwright/test");

test("magazine has a title", async ({ page }) => {
  await page.goto("/us/en/magazine.html");
  await expect(page.locator("h1")).toHaveText("Magazine");
});

test("navigation leads to adventures", async ({ page }) => {
  await page.goto("/us/en.html");
  await page.locator("nav.cmp-navigation a", { hasText: "Adventures" }).click();
  await expect(page).toHaveURL(/adventures\.html/);
});
