// Signing in with a key: who is let in, and to what.
import { accessible, check, launch, look, open, run, same } from "./browser.mjs";

const [base, screens] = process.argv.slice(2);
const keys = JSON.parse(process.env.APMT_SCREEN_KEYS);
const ANNE = "officer_anne@sba.gov";
const path = `/actor?actor=${encodeURIComponent(ANNE)}`;
const browser = await launch();

const signIn = async (key, options) => {
  const page = await open(browser, options);
  await page.goto(`${base}${path}`);
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  return page;
};

const checks = {
  async aWrongKey() {
    for (const colorScheme of ["light", "dark"]) {
      const page = await signIn("apmt_wrong", { colorScheme });
      await page.getByRole("alert").getByText("That did not work.").waitFor();
      await accessible(page);
      await page.screenshot({ path: `${screens}/sign-in-refused-${colorScheme}-1280.png` });
      await page.context().close();
    }
  },

  async whoReads() {
    const page = await signIn(keys.read);
    // Back to where the visitor wanted to go.
    await page.getByRole("heading", { level: 1, name: ANNE }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    same(await page.getByRole("link", { name: /improvement plan/ }).count(), 0, "ways to what the key may not do");
    await page.goto(`${base}/plan?actor=${ANNE}`);
    await page.getByText("To start a plan takes a key of the scope supervise.").waitFor();
    same(await page.getByRole("button", { name: "Start the plan" }).count(), 0, "buttons that would be refused");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/sign-in/);
    await page.goto(`${base}${path}`);
    await page.getByLabel("Key").waitFor();
    page.fine();
    await page.context().close();
  },

  async whoOnlyRecords() {
    const page = await signIn(keys.record);
    await page.getByText("Your key may record, and not read.").waitFor();
    await accessible(page);
    await page.context().close();
  },

  async whoSupervises() {
    const page = await signIn(keys.supervise);
    await page.getByRole("link", { name: "Start an improvement plan" }).click();
    await page.getByLabel("Started by").fill("Dana Reyes");
    await page.getByRole("button", { name: "Start the plan" }).click();
    await page.getByText("Plan: 60 days left").waitFor();
    check((await page.locator(".paper .fine").last().textContent()).includes("by Dana Reyes (key supervise)"), "the key does not vouch");
    await look(browser, base, screens, { "signed-in": path }, await page.context().storageState());
    // The session ends while a form is open: that is said, and nothing is recorded.
    const notice = page.url();
    await page.getByText("Close the plan", { exact: true }).first().click();
    await page.getByLabel("Closed by").fill("Dana Reyes");
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Close the plan" }).click();
    await page.getByText("Your session has ended, and nothing was recorded.").waitFor();
    await accessible(page);
    await page.goto(notice);
    await page.getByLabel("Key").fill(keys.supervise);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Plan: 60 days left").waitFor();
    await page.context().close();
  },
};

await run(browser, checks);
