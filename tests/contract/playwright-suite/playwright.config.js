// The project's own configuration: reports and pictures go where Cloud Manager wants them.
const reports = process.env.REPORTS_PATH;

module.exports = {
  testDir: ".",
  testMatch: "*.spec.js",
  workers: 1,
  timeout: 120000,
  outputDir: `${reports}/pictures`,
  reporter: [["list"], ["junit", { outputFile: `${reports}/result.xml` }]],
  use: {
    baseURL: process.env.AEM_PUBLISH_URL,
    screenshot: "only-on-failure",
    launchOptions: { executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] },
  },
};
