// Ten thousand actors: how long a page takes and whether it scrolls is printed, not judged; what it shows is.
import { accessible, check, launch, open, same } from "./browser.mjs";

const [base, screens] = process.argv.slice(2);
const browser = await launch();
const page = await open(browser);

const timed = async (path, what = path) => {
  await page.goto(`${base}${path}`, { waitUntil: "load" });
  const [answered, painted] = await page.evaluate(() => new Promise((resolve) => {
    // The frame after the one that has the page in it.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      resolve([performance.getEntriesByType("navigation")[0].responseEnd, performance.now()]);
    }));
  }));
  console.log(`${what}: answered after ${Math.round(answered)} ms, painted after ${Math.round(painted)} ms`);
};
await timed("/", "the first view");
await page.getByText("Page 1 of 200").waitFor();
same(await page.locator("tbody tr").count(), 50, "the rows of a page");
await timed("/", "the second view");
await timed("/?sort=override&order=reversed&page=100");
await page.getByText("Page 100 of 200").waitFor();
await timed("/?q=77");
check(await page.$$eval("tbody tr", (rows) => rows.every((row) => row.dataset.actor.includes("77"))), "others than were searched for");
await timed("/?per_page=all");
same(await page.locator("tbody tr").count(), 10000, "the rows of one page");
const frames = await page.evaluate(() => new Promise((resolve) => {
  const times = [];
  const step = (now) => {
    times.push(now);
    scrollBy(0, 400);
    if (times.length < 60) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, index) => time - times[index]).sort((a, b) => a - b));
  };
  requestAnimationFrame(step);
}));
console.log(`a frame while scrolling: median ${frames[29].toFixed(1)} ms, longest ${frames[58].toFixed(1)} ms`);
await page.goto(base);
await page.getByText("Page 1 of 200").waitFor();
await accessible(page);
await page.screenshot({ path: `${screens}/crowd-light-1280.png` });
page.fine();
await browser.close();
