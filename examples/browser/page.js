// The page: what is typed is classified, and each label's probability becomes a bar.
import { loadStudent } from "./student.js";

const status = document.querySelector("#status");
const text = document.querySelector("#text");
const bars = document.querySelector("#bars");

function draw({ label, scores }) {
  bars.replaceChildren(
    ...Object.entries(scores).map(([name, score]) => {
      const bar = document.querySelector("#bar").content.cloneNode(true);
      const row = bar.querySelector("li");
      row.classList.toggle("best", name === label);
      bar.querySelector(".name").textContent = name;
      bar.querySelector("meter").value = score;
      bar.querySelector("meter").setAttribute("aria-label", name);
      bar.querySelector(".score").textContent = `${(100 * score).toFixed(1)} %`;
      return bar;
    }),
  );
}

async function start() {
  const before = performance.now();
  const classify = await loadStudent("model");
  status.textContent = `The student is here, after ${Math.round(performance.now() - before)} ms. Nothing you type leaves this page.`;
  let latest = 0;
  const answer = async () => {
    const mine = ++latest;
    if (!text.value.trim()) {
      bars.replaceChildren();
      return;
    }
    const found = await classify(text.value);
    if (mine === latest) draw(found); // an answer to what has been typed over since is of no use
  };
  text.addEventListener("input", answer);
  text.disabled = false;
  text.focus();
  await answer();
  window.classify = classify;
}

start().catch((error) => {
  status.textContent = `The student could not be loaded: ${error.message}`;
  status.classList.add("failed");
});
