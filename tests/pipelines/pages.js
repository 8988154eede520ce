/* Reads a page of `eval` or `report` as a person would and posts what it saw to the test. */
const seen = {}, errors = [];
window.addEventListener("error", (event) => errors.push(event.message));
const all = (selector) => [...document.querySelectorAll(selector)];
(async () => {
  await Promise.all(all("img").map((image) => image.decode()));
  seen.title = document.title;
  seen.heading = document.querySelector("h1").textContent;
  seen.sections = all("h2, h3").map((part) => part.textContent);
  seen.text = document.body.innerText;
  seen.tables = all("table").map((table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText)));
  seen.best = all("td.best").map((cell) => cell.innerText);
  seen.pictures = all("img").map((image) => [image.naturalWidth, image.naturalHeight, image.alt]);
  seen.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const style = getComputedStyle(document.body);
  seen.colors = [style.color, style.backgroundColor];
  seen.plots = all("svg.plot").map((plot) => {
    const box = plot.getBoundingClientRect(), says = plot.parentElement.querySelector("output");
    const found = {label: plot.getAttribute("aria-label"), still: says.textContent};
    found.lines = plot.querySelectorAll("polyline").length;
    found.marks = [...plot.querySelectorAll("circle")].length;
    found.letters = Math.min(...[...plot.querySelectorAll("text")].map((text) => text.getBoundingClientRect().height));
    found.outside = [...plot.querySelectorAll("text, polyline, circle")].filter((part) => {
      const own = part.getBoundingClientRect();
      return own.left < box.left - 2 || own.right > box.right + 2 || own.top < box.top - 2 || own.bottom > box.bottom + 2;
    }).length;
    const at = (share) => plot.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + share * box.width, clientY: box.top + 20}));
    at(.999); found.last = says.textContent;
    at(.001); found.first = says.textContent;
    plot.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"})); found.second = says.textContent;
    plot.dispatchEvent(new PointerEvent("pointerleave")); found.left = says.textContent;
    return found;
  });
  seen.bars = all("svg rect").map((bar) => Math.round(bar.getBoundingClientRect().width));
})().catch((error) => errors.push(String(error))).finally(() => {
  seen.errors = errors;
  fetch("http://127.0.0.1:__PORT__/", {method: "POST", mode: "no-cors", body: JSON.stringify(seen)});
});
