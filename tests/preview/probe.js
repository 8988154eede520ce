/* Uses the preview page as a person would and posts what it saw to the test. */
const seen = {}, errors = [];
window.addEventListener("error", (event) => errors.push(event.message));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const key = (name, shift) => document.dispatchEvent(new KeyboardEvent("keydown", {key: name, shiftKey: Boolean(shift), bubbles: true}));
const now = () => byId("frame").textContent;
function pixel(id, x, y) { return [...byId(id).getContext("2d").getImageData(x, y, 1, 1).data]; }
const face = () => byId("picture").toDataURL();
async function until(is_so) { for (let n = 0; n < 1000 && !is_so(); n++) await wait(10); }
// Pictures come when the machine has time: what follows is looked at once the page shows something else.
async function after(act) { const before = face(); act(); await until(() => face() !== before); await wait(60); }
const look_at = (view) => after(() => document.querySelector(`button[data-view="${view}"]`).click());
(async () => {
  await until(() => pixel("picture", 110, 110)[3] && pixel("reference-picture", 110, 110)[3]);
  await wait(60);
  seen.title = document.title;
  seen.facts = byId("facts").textContent;
  seen.start = [now(), byId("shown").textContent];
  seen.color = pixel("picture", 110, 110);
  seen.sky = pixel("picture", 5, 170);
  seen.reference = [byId("reference").options.length, pixel("reference-picture", 110, 110)];
  key("ArrowRight"); seen.right = now();
  key("ArrowRight", true); seen.nextKey = now();
  key("End"); seen.end = now();
  key("ArrowRight"); seen.pastEnd = now();
  key("ArrowLeft", true); seen.keyBack = now();
  key("Home"); seen.home = now();
  await after(() => key("d"));
  seen.doubt = [now(), document.body.dataset.view, byId("under").textContent];
  seen.boxEdge = pixel("picture", 119, 70);
  seen.dimmed = pixel("picture", 5, 170);
  await look_at("line");
  seen.line = [pixel("picture", 5, 170), pixel("picture", 150, 90)];
  await look_at("color");
  const boxes = [...byId("layers").querySelectorAll("input")];
  seen.layers = [...byId("layers").querySelectorAll("label")].map((label) => label.textContent);
  await after(() => boxes.at(-1).click());
  seen.withoutSky = pixel("picture", 5, 170);
  await after(() => boxes.at(-1).click());
  seen.doubtful = [...byId("doubtful").querySelectorAll("button")].map((button) => button.textContent);
  await after(() => byId("doubtful").querySelectorAll("button")[1].click());
  seen.jump = [now(), document.body.dataset.view, byId("doubtful").querySelectorAll("button")[1].getAttribute("aria-current")];
  seen.picks = [...byId("picks").querySelectorAll("button")].map((button) => button.textContent);
  seen.palette = [...document.querySelectorAll("#palette code")].map((code) => code.textContent);
  const box = byId("timeline").getBoundingClientRect();
  byId("timeline").dispatchEvent(new PointerEvent("pointerdown", {clientX: box.left + 34 + (box.width - 34) * .55, clientY: box.top + 8, pointerId: 1, buttons: 1}));
  seen.scrub = [now(), byId("timeline").getAttribute("aria-valuenow")];
  byId("beside").click();
  seen.besideHidden = byId("reference-pane").hidden;
  go(0); byId("play").click(); await wait(800);
  seen.playing = [byId("play").textContent, now()];
  key(" "); seen.paused = byId("play").textContent;
  seen.named = [...document.querySelectorAll("button, select, canvas, input")].filter((part) =>
    !part.textContent.trim() && !part.getAttribute("aria-label") && !part.closest("label")).length;
})().catch((error) => errors.push(String(error))).finally(() => {
  seen.errors = errors;
  fetch("http://127.0.0.1:__PORT__/", {method: "POST", mode: "no-cors", body: JSON.stringify(seen)});
});
