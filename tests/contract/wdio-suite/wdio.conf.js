// The project's own configuration: one browser, reports where Cloud Manager wants them, a second try for each case.
exports.config = {
  runner: "local",
  specs: ["./site.spec.js"],
  maxInstances: 1,
  baseUrl: process.env.AEM_PUBLISH_URL,
  capabilities: [
    {
      browserName: "chrome",
      "wdio:enforceWebDriverClassic": true,
      "wdio:chromedriverOptions": { binary: process.env.CHROMEDRIVER },
      "goog:chromeOptions": {
        binary: process.env.CHROMIUM,
        args: ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"],
      },
    },
  ],
  logLevel: "error",
  framework: "mocha",
  mochaOpts: { timeout: 120000, retries: 1 },
  connectionRetryTimeout: 120000,
  reporters: [["junit", { outputDir: process.env.REPORTS_PATH, outputFileFormat: ({ cid }) => `wdio-${cid}.xml` }]],
};
