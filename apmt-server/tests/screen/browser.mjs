// The browser, and what every check needs of it. The modules lie where the tests put them: APMT_SCREEN_MODULES.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const require = createRequire(path.join(process.env.APMT_SCREEN_MODULES, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const launch = () => chromium.launch({
  executablePath: process.env.APMT_SCREEN_CHROMIUM,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

// A page that fails the check when anything goes wrong in it: a script's error, what the policy forbids, a file that is
// not there.
export const open = async (browser, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", timezoneId: "America/New_York", ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`${page.url()}: ${error}`));
  page.on("console", (message) => {
    const expected = message.text().includes("/live") || /status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !expected) wrong.push(`${page.url()}: ${message.text()}`);
  });
  page.fine = () => {
    if (wrong.length > 0) throw new Error(`something went wrong in a page:\n${wrong.join("\n")}`);
  };
  return page;
};

export const check = (holds, what) => {
  if (!holds) throw new Error(what);
};

export const same = (found, expected, what) => {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: found ${left}, expected ${right}`);
};

// WCAG 2.2 AA, as far as a program can tell. The policy lets no page run what is not its own, so this is put in from outside.
export const accessible = async (page) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508", "best-practice"],
  }));
  const told = violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 200)}\n  ${node.failureSummary}`));
  check(told.length === 0, `${page.url()} is not accessible to everybody:\n${told.join("\n")}`);
};

// Nothing lies outside of the page to the right.
export const fits = async (page) => {
  const [width, all] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
  check(all <= width, `${page.url()} is ${all} wide where there is room for ${width}`);
};

// Every page in both themes and at both widths: axe-core looks at it, nothing lies outside, and there is a picture.
export const look = async (browser, base, screens, pages, session) => {
  const wrong = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const page = await open(browser, { colorScheme, storageState: session, viewport: { width, height: 900 } });
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(`${base}${path}`);
        await page.locator(".tools:not([hidden])").waitFor();
        for (const check of [accessible, fits]) await check(page).catch((error) => wrong.push(`${colorScheme}, ${width}: ${error.message}`));
        // Rows outside of the window are not painted.
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width, height });
        await page.screenshot({ path: `${screens}/${name}-${colorScheme}-${width}.png`, fullPage: true });
        await page.setViewportSize({ width, height: 900 });
      }
      page.fine();
      await page.context().close();
    }
  }
  check(wrong.length === 0, wrong.join("\n"));
};

// Does what a program does that knows nothing of browsers.
export const curl = (...args) => execFileSync("curl", ["-sS", ...args], { encoding: "utf8" });

// Runs checks one after the other, or those of which APMT_SCREEN_ONLY names a part; then the process ends.
export const run = async (browser, checks) => {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    if (process.env.APMT_SCREEN_ONLY && !name.includes(process.env.APMT_SCREEN_ONLY)) continue;
    const begun = performance.now();
    try {
      await check();
      console.log(`ok ${name} ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}\n${error.stack ?? error}`);
    }
  }
  await browser.close();
  process.exit(failed === 0 ? 0 : 1);
};
