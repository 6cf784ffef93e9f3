// Ten thousand actors: how long a page takes, and whether it scrolls.
import { accessible, check, launch, open, same } from "./browser.mjs";

const [base, screens] = process.argv.slice(2);
const browser = await launch();
const page = await open(browser);
await page.goto(base);

const timed = async (path) => {
  await page.goto(`${base}${path}`, { waitUntil: "load" });
  const took = await page.evaluate(() => new Promise((resolve) => {
    // The frame after the one that has the page in it.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
  }));
  console.log(`${path}: ${Math.round(took)} ms`);
  return took;
};
for (const path of ["/", "/?sort=override&order=reversed&page=100", "/?q=7", "/?per_page=all"]) {
  const took = await timed(path);
  check(took < Number(process.env.APMT_SCREEN_LIMIT_MS), `${path} took ${took} ms`);
}
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
console.log(`a frame: median ${frames[29].toFixed(1)} ms, longest ${frames[58].toFixed(1)} ms`);
check(frames[29] < 50, `scrolling is not smooth: ${frames}`);
await page.goto(base);
await page.getByText("Page 1 of 200").waitFor();
await accessible(page);
await page.screenshot({ path: `${screens}/crowd-light-1280.png` });
page.fine();
await browser.close();
