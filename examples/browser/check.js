// node check.js URL SENTENCES.json ANSWERS.json PAGE.png: what the page answers in headless Chromium, and how it looks.
import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [url, sentences, answers, picture] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"], // Chromium refuses to run as root with it, as in containers; it sees our own page only
});
const page = await browser.newPage({ viewport: { width: 760, height: 460 } });
const elsewhere = [];
page.on("request", (request) => {
  if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) elsewhere.push(request.url());
});
page.on("pageerror", (error) => console.error(error.message));

await page.goto(url);
await page.waitForFunction(() => window.classify || document.querySelector(".failed"), undefined, { timeout: 120_000 });
const failure = await page.$eval("#status", (status) => status.classList.contains("failed") && status.textContent);
if (failure) throw new Error(failure);

const found = [];
for (const sentence of JSON.parse(await readFile(sentences, "utf-8"))) {
  found.push(await page.evaluate((text) => window.classify(text), sentence));
}
const typed = "Dull, loud and far too long.";
await page.fill("#text", typed);
const { label } = await page.evaluate((text) => window.classify(text), typed);
await page.waitForFunction((best) => document.querySelector("li.best .name")?.textContent === best, label);
await page.screenshot({ path: picture });
await browser.close();
if (elsewhere.length > 0) throw new Error(`The page asked for ${elsewhere.join(", ")}`);
await writeFile(answers, JSON.stringify(found));
