// The pages over the demonstration agency: what they show, who can use them, how they look.
import { check, curl, fits, launch, look, open, run, same } from "./browser.mjs";

const [base, screens] = process.argv.slice(2);
const ANNE = "officer_anne@sba.gov";
const browser = await launch();

const post = (event) => {
  const answer = curl("-X", "POST", `${base}/event`, "-d", JSON.stringify(event));
  check(JSON.parse(answer).ok, answer);
};
const names = (page) => page.$$eval("tbody tr[data-actor]", (rows) => rows.map((row) => row.dataset.actor));
const cell = (page, actor, column) => page.locator(`tr[data-actor="${actor}"] .c-${column}`);
const actor = (name) => `/actor?actor=${encodeURIComponent(name)}`;

const checks = {
  async everyPageInBothThemesAndWidths() {
    const first = await open(browser);
    await first.goto(`${base}${actor(ANNE)}`);
    const overrides = await first.getByRole("link", { name: /See 21 overrides/ }).getAttribute("href");
    await first.goto(`${base}${overrides}`);
    const timeline = await first.locator("tbody a").first().getAttribute("href");
    await first.context().close();
    await look(browser, base, screens, {
      scoreboard: "/", actor: actor(ANNE), "actor-good": actor("officer_bob@sba.gov"), agent: actor("triage-model"),
      nobody: "/actor?actor=", unknown: actor("not-there"), evidence: overrides, open: `/evidence?actor=${encodeURIComponent(ANNE)}&of=open`,
      timeline: timeline.split("#")[0], about: "/about", "sign-in": "/sign-in", failure: "/?sort=height",
      "nobody-matches": "/?q=zzz", empty: "/?as_of=2001-01-01T00:00:00Z",
    });
  },

  // What the README shows, for which it is copied to examples/.
  async picturesForTheReadme() {
    const page = await open(browser, { viewport: { width: 1260, height: 560 } });
    for (const [name, path] of [["scoreboard", "/"], ["dossier", actor(ANNE)]]) {
      await page.goto(`${base}${path}`);
      await page.getByText("Live", { exact: true }).waitFor();
      await page.screenshot({ path: `${screens}/readme-${name}.png` });
    }
    await page.context().close();
  },

  // 640 px is a screen of 1280 at 200 %.
  async zoom() {
    const page = await open(browser, { viewport: { width: 640, height: 450 } });
    for (const path of ["/", actor(ANNE)]) {
      await page.goto(`${base}${path}`);
      await fits(page);
    }
    await page.context().close();
  },

  async theWholeWayByKeyboard() {
    const page = await open(browser);
    await page.goto(base);
    await page.keyboard.press("Tab");
    same(await page.evaluate(() => document.activeElement.className), "skip", "the first stop");
    await page.keyboard.press("Enter");
    same(await page.evaluate(() => document.activeElement.id), "main", "where the skip link leads");
    // From the content on: the first filter is for those for whom a plan is recommended.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(/status=pip/);
    const flagged = await names(page);
    check(flagged.includes(ANNE) && flagged.length < 5, `who needs help: ${flagged}`);
    await page.locator(`tr[data-actor="${ANNE}"] a`).focus();
    const interval = page.locator(`tr[data-actor="${ANNE}"] .c-rate .ci`);
    same(await interval.evaluate((interval) => getComputedStyle(interval).opacity), "1", "the interval of the row in focus");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: ANNE }).waitFor();
    await page.getByRole("heading", { name: "An improvement plan is recommended" }).waitFor();
    await page.getByRole("link", { name: /See 21 overrides/ }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/evidence/);
    await page.locator("tbody a").first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Who held it, and when" }).waitFor();
    check(page.url().includes("#e"), `${page.url()} is not at the decision`);
    await page.getByText("Decided against the recommendation").waitFor();
    page.fine();
    await page.context().close();
  },

  async sortFilterSearch() {
    const page = await open(browser);
    await page.goto(base);
    await page.getByRole("columnheader", { name: "Avg hours" }).getByRole("link").click();
    await page.waitForURL(/sort=hours/);
    const hours = await page.$$eval("tbody .c-hours b", (cells) => cells.map((cell) => Number.parseFloat(cell.textContent)).filter(Number.isFinite));
    check(hours.length > 20 && hours.every((hour, index) => index === 0 || hours[index - 1] >= hour), `not the longest first: ${hours}`);
    same(await page.getByRole("columnheader", { name: "Avg hours" }).getAttribute("aria-sort"), "descending", "what is said of it");
    await page.getByLabel("People or agents").selectOption("agent");
    await page.waitForURL(/kind=agent/);
    check(page.url().includes("sort=hours"), "the order is lost");
    check((await names(page)).every((name) => !name.includes("@")), "people are among the agents");
    await page.getByLabel("Track of their cases").selectOption("microloan");
    await page.waitForURL(/track=microloan/);
    check(page.url().includes("kind=agent"), "the kind is lost");
    await page.getByText("with cases of the track microloan; the figures are of all their cases").waitFor();
    check((await names(page)).includes("eligibility-model"), "who reads microloans is missing");
    check(!(await names(page)).includes("triage-model"), "who never saw one is there");
    await page.getByLabel("Track of their cases").selectOption("");
    await page.waitForURL((url) => !url.searchParams.get("track"));
    await page.getByLabel("Search by name").fill("TRIAGE");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=TRIAGE/);
    same(await names(page), ["triage-model"], "what is found");
    await page.getByRole("link", { name: "triage-model" }).click();
    await page.getByRole("heading", { name: "Its advice, by model version" }).waitFor();
    same(await page.locator("section:has(#models) tbody th").allTextContents(), ["triage-2.3", "triage-2.4"], "the model's versions");
    page.fine();
    await page.context().close();
  },

  async whatAScriptAdds() {
    const page = await open(browser);
    await page.goto(base);
    await page.getByLabel("Theme").selectOption("dark");
    same(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(18, 21, 27)", "the dark ground");
    await page.reload();
    same(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "the theme after a reload");
    await page.getByText("Times are in your zone, America/New_York.").waitFor();
    const [text, title] = await page.locator("time").first().evaluate((time) => [time.textContent, time.title]);
    check(/ [AP]M$/.test(text) && title.endsWith("Z"), `${text}, ${title}`);
    page.fine();
    await page.context().close();
  },

  async withoutAScript() {
    const page = await open(browser, { javaScriptEnabled: false });
    await page.goto(base);
    await page.getByLabel("Search by name").fill("anne");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("link", { name: ANNE }).click();
    await page.getByText("What would clear it").waitFor();
    await page.context().close();
  },

  async hostileNames() {
    const name = "<script>window.hit=1</script>\"'><img src=x onerror=window.hit=1>";
    post({ type: "OVERRIDE", actor: name, case_id: "</title><svg onload=window.hit=1>", human_verdict: "<b>x", note: "<i>" });
    post({ type: "DECISION", actor: "=cmd|' /C calc'!A0", case_id: "../..?#" });
    const page = await open(browser);
    await page.goto(`${base}/?q=window.hit`);
    await page.getByRole("link", { name }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.getByRole("link", { name: /See 1 override/ }).click();
    await page.locator("tbody a").first().click();
    await page.getByText("Decided against the recommendation: <b>x").waitFor();
    same(await page.evaluate(() => [globalThis.hit, document.querySelectorAll("main script, main img, main i").length]), [null, 0], "what ran");
    await page.goto(`${base}/?q=cmd`);
    await page.getByRole("link", { name: "=cmd" }).click();
    await page.getByRole("link", { name: /See 1 decision/ }).click();
    await page.getByRole("link", { name: "../..?#" }).click();
    await page.getByRole("heading", { level: 1, name: "Case ../..?#" }).waitFor();
    page.fine();
    await page.context().close();
    const file = curl(`${base}/scoreboard.csv?q=cmd`);
    check(file.split("\r\n")[1].startsWith("\"'=cmd"), file);
  },

  async liveWithoutAReload() {
    const page = await open(browser);
    await page.goto(`${base}/?sort=name`);
    await page.evaluate(() => { globalThis.notReloaded = true; });
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await cell(page, ANNE, "rate").locator("b").textContent();
    await page.locator(`tr[data-actor="${ANNE}"] a`).focus();
    post({ type: "OVERRIDE", actor: ANNE, case_id: "LIVE-1" });
    await cell(page, ANNE, "rate").and(page.locator(".changed")).waitFor();
    check(await cell(page, ANNE, "rate").locator("b").textContent() !== before, "the rate is as it was");
    same(await page.evaluate(() => document.activeElement.textContent), ANNE, "what has the focus");
    await page.getByText(`Changed: ${ANNE}`).waitFor({ state: "attached" });
    // Somebody new.
    post({ type: "OVERRIDE", actor: "test@agency.gov" });
    await page.locator("tr[data-actor='test@agency.gov']").waitFor();
    check(await page.evaluate(() => globalThis.notReloaded), "the page was loaded again");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused", { exact: true }).waitFor();
    post({ type: "OVERRIDE", actor: "later@agency.gov" });
    await page.getByRole("button", { name: "Resume" }).click();
    await page.locator("tr[data-actor='later@agency.gov']").waitFor();
    await page.getByRole("link", { name: "test@agency.gov" }).click();
    await page.getByText("Live", { exact: true }).waitFor();
    post({ type: "DECISION", actor: "test@agency.gov" });
    await page.getByText("1 of 2 decisions").waitFor();
    page.fine();
    await page.context().close();
  },
};

await run(browser, checks);
