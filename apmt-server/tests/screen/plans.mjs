// Improvement plans, from the click on the dossier to the end of the plan; what is overdue, under a policy with a target.
import { check, curl, fits, launch, look, open, run, same } from "./browser.mjs";

const [base, screens] = process.argv.slice(2);
const ANNE = "officer_anne@sba.gov";
const browser = await launch();

const actor = (name) => `/actor?actor=${encodeURIComponent(name)}`;
const row = (page, name) => page.locator(`tr[data-actor="${name}"]`);
const json = (path) => JSON.parse(curl(`${base}${path}`));
// Of Anne.
const events = (type) => {
  const found = [];
  for (let after = 0; after !== null;) {
    const { events, next } = json(`/events?limit=1000&after=${after}`);
    found.push(...events.filter((event) => event.type === type && event.actor === ANNE));
    after = next;
  }
  return found;
};
// A page that follows the scoreboard, and says whether it was loaded again.
const followed = async (path) => {
  const page = await open(browser);
  await page.goto(`${base}${path}`);
  await page.evaluate(() => { globalThis.notReloaded = true; });
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
};

const checks = {
  async whatIsOverdue() {
    const page = await open(browser);
    await page.goto(base);
    await page.getByRole("columnheader", { name: "Overdue" }).getByRole("link").click();
    await page.waitForURL(/sort=overdue/);
    const overdue = await page.$$eval("tbody .c-overdue", (cells) => cells.map((cell) => Number(cell.textContent)));
    check(overdue[0] > 0 && overdue.every((count, index) => index === 0 || overdue[index - 1] >= count), `not the most first: ${overdue}`);
    const [, days] = json(`/dossier/${ANNE}`).open.overdue.toString().match(/^(\d+)$/);
    same(await row(page, ANNE).locator(".c-overdue").textContent(), days, "Anne's overdue cases");
    await page.goto(`${base}${actor(ANNE)}`);
    await page.getByText(`${days} overdue`, { exact: true }).waitFor();
    await page.getByText(/% within the target/).waitFor();
    same(await page.locator("#ages .dot.overdue").count(), Number(days), "the overdue cases in the chart");
    await page.goto(`${base}/about`);
    await page.getByText("with a target of 5 days for a case").waitFor();
    page.fine();
    await page.context().close();
  },

  async fromTheClickToTheEnd() {
    const board = await followed("/");
    const dossier = await followed(actor(ANNE));
    const page = await open(browser);
    await page.goto(base);
    // The way of somebody who has read nothing.
    await page.getByRole("link", { name: /Plan recommended/ }).first().click();
    await page.getByRole("link", { name: ANNE }).click();
    await page.getByRole("heading", { name: "An improvement plan is recommended" }).waitFor();
    await page.getByRole("link", { name: "Start an improvement plan" }).click();
    await page.getByRole("heading", { level: 1, name: /Notice of opportunity/ }).waitFor();
    same(await page.getByRole("textbox", { name: "Employee" }).inputValue(), "Anne Okafor", "what the directory says");
    same(await page.getByRole("textbox", { name: "Critical element" }).inputValue(), "Element 2: sound decisions", "what the rule says");
    await page.getByRole("radio", { name: /30 days/ }).check();
    await page.getByLabel("Note").fill("handed over in person");
    const looked = page.context().waitForEvent("page");
    await page.getByRole("button", { name: "See the notice" }).click();
    const preview = await looked;
    await preview.getByText("Nothing is recorded").waitFor();
    await fits(preview);
    await preview.close();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as JSON" }).click();
    same((await saved).suggestedFilename(), "notice.json", "what is saved");
    same(events("PLAN_STARTED"), [], "what looking and saving recorded");

    const cell = row(board, ANNE).locator(".c-status");
    // The mark stays for some seconds: whoever looks for it must look all the time.
    const marked = cell.and(board.locator(".changed")).waitFor();
    await page.getByRole("button", { name: "Start the plan" }).click();
    await page.getByText("Plan: 30 days left").waitFor();
    const [started, ...more] = events("PLAN_STARTED");
    same([more, started.actor, started.by, started.note], [[], ANNE, "Dana Reyes", "handed over in person"], "the event");
    check(started.notice.evidence.instances.length > 10, "the instances are frozen with it");
    // On the pages that were open, without loading them again.
    await marked;
    await cell.getByText("Plan: 30 days left").waitFor();
    await dossier.getByRole("heading", { name: /An improvement plan is open/ }).waitFor();
    same(await dossier.getByRole("link", { name: "Start an improvement plan" }).count(), 0, "ways to a second plan");
    check(curl(`${base}/scoreboard.csv?q=anne`).split("\r\n")[1].includes(",30,"), "the file has no days left");
    await cell.getByRole("link", { name: "Plan: 30 days left" }).click();
    await board.getByRole("heading", { level: 1, name: /Notice of opportunity/ }).waitFor();
    await board.goBack();
    await board.getByText("Live", { exact: true }).waitFor();

    const notice = new URL(page.url());
    await look(browser, base, screens, {
      "plan-form": `/plan?actor=${encodeURIComponent("officer_bob@sba.gov")}`, "plan-again": `/plan?actor=${encodeURIComponent(ANNE)}`,
      "plan-machine": "/plan?actor=triage-model", "plan-notice": `${notice.pathname}${notice.search}`,
      "actor-plan": actor(ANNE), "scoreboard-plan": "/", "actor-target": actor("officer_bob@sba.gov"),
    });

    await page.getByText("Close the plan", { exact: true }).first().click();
    await page.getByLabel("Closed by").fill("Dana Reyes");
    await page.getByLabel("Note, such as the determination").fill("acceptable");
    await page.getByRole("button", { name: "Close the plan" }).click();
    await page.getByText("This plan is no longer open.").waitFor();
    same(events("PLAN_CLOSED").map(({ actor, by, note }) => [actor, by, note]), [[ANNE, "Dana Reyes", "acceptable"]], "the end");
    await row(board, ANNE).getByText(/Plan: /).waitFor({ state: "detached" });
    await dossier.getByRole("link", { name: "Start an improvement plan" }).waitFor();
    check(await dossier.evaluate(() => globalThis.notReloaded), "the dossier was loaded again");
    for (const one of [page, board, dossier]) {
      one.fine();
      await one.context().close();
    }
  },

  async aMachinePlan() {
    const page = await open(browser);
    await page.goto(`${base}${actor("triage-model")}`);
    await page.getByRole("link", { name: /Start a machine plan|start a machine plan/ }).click();
    await page.getByRole("heading", { level: 1, name: "Plan for an AI agent" }).waitFor();
    await page.getByRole("radio", { name: /Restrict/ }).check();
    await page.getByLabel("Started by").fill("Kim Lee");
    await page.getByRole("button", { name: "Start the plan" }).click();
    await page.getByText("Restrict: it advises on fewer kinds of cases").waitFor();
    const versions = await page.locator("table:has(th:text('Verdicts on its advice')) tbody tr").allTextContents();
    check(versions.length === 2 && versions[0].startsWith("triage-2.3"), `the versions of the model: ${versions}`);
    await page.goto(`${base}/?kind=agent`);
    await row(page, "triage-model").getByText("Plan: 60 days left").waitFor();
    page.fine();
    await page.context().close();
  },

  // A day that is typed counts, and what is wrong is said with all that was written still there.
  async anotherLastDay() {
    const page = await open(browser);
    await page.goto(`${base}/plan?actor=officer_bob@sba.gov`);
    await page.getByRole("textbox", { name: "Assistance offered" }).fill("A course in March");
    await page.locator("input[name=end]").fill("2001-01-01");
    check(await page.getByRole("radio", { name: "another day:" }).isChecked(), "the day does not count");
    await page.getByLabel("Started by").fill("Dana Reyes");
    await page.getByRole("button", { name: "Start the plan" }).click();
    await page.getByRole("alert").getByText(/end: 2001-01-01/).waitFor();
    same(await page.getByRole("textbox", { name: "Assistance offered" }).inputValue(), "A course in March", "what was written");
    await page.context().close();
  },
};

await run(browser, checks);
