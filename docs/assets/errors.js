// The error browser: loads what the runs of a task predicted and lists the examples on which two methods disagree.
(() => {
  const box = document.querySelector(".ina-errors");
  if (!box) return;
  const sets = JSON.parse(box.dataset.sets);
  const folder = new URL("errors/", document.currentScript.src);
  const STEP = 50;
  let found = null;
  let shown = STEP;

  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const menu = (label) => {
    const select = make("select");
    select.addEventListener("change", () => ((shown = STEP), select === task ? load() : list()));
    bar.append(make("label", {}, `${label} `, select));
    return select;
  };
  const bar = make("div", { className: "ina-filters" });
  const task = menu("Task");
  const first = menu("Method A");
  const second = menu("Method B");
  const count = make("output", { className: "ina-count" });
  const rows = make("tbody");
  const more = make("button", { className: "md-button", textContent: "More" });
  more.addEventListener("click", () => ((shown += STEP), list()));
  bar.append(count);
  const table = make("table", { className: "ina" }, make("thead"), rows);
  box.append(bar, make("div", { className: "ina-table" }, table), more);
  task.append(...sets.map(([name, label]) => new Option(label, name)));

  function load() {
    document.head.append(make("script", { src: new URL(`${encodeURIComponent(task.value)}.js`, folder) }));
  }

  window.inaErrors = (data) => {
    found = data;
    [first, second].forEach((select) => {
      select.replaceChildren(...data.methods.map((method, at) => new Option(method.label, at)));
    });
    const named = (name) => Math.max(0, data.methods.findIndex((method) => method.label.startsWith(name)));
    first.value = named("InA (Inh 0.3") || data.methods.length - 1;
    second.value = named("LoRA");
    list();
  };

  // How right a prediction is, from 0 to 1; a similarity is off by 5 at most.
  function right(prediction, gold) {
    if (found.kind === "class") return prediction === gold ? 1 : 0;
    return found.kind === "f1" ? prediction : Math.max(0, 1 - Math.abs(prediction - gold) / 5);
  }

  function predictions(method, at) {
    const cell = make("td", { className: "ina-predictions" });
    method.shown[at].forEach((prediction, seed) => {
      const answer = method.answers?.[at]?.[seed];
      const share = right(prediction, found.gold[at]);
      const title = `seed ${method.seeds[seed]}${answer === undefined ? "" : `: ${answer || "no answer"}`}`;
      const className = share > 0.75 ? "ina-right" : share < 0.25 ? "ina-wrong" : "ina-between";
      cell.append(make("span", { className, title, textContent: answer === undefined ? prediction : answer || "∅" }));
    });
    return cell;
  }

  function list() {
    const [a, b] = [first, second].map((select) => found.methods[select.value]);
    const mean = (method, at) =>
      method.shown[at].reduce((sum, one) => sum + right(one, found.gold[at]), 0) / method.shown[at].length;
    const apart = found.ids.map((id, at) => ({ id, at, by: mean(a, at) - mean(b, at) })).filter((one) => Math.abs(one.by) > 1e-9);
    apart.sort((one, other) => Math.abs(other.by) - Math.abs(one.by));
    const head = ["Example", ...(found.gold.length ? ["Gold"] : []), a.label, b.label, "A − B"];
    if (found.texts.length) head.push("Text");
    table.tHead.replaceChildren(make("tr", {}, ...head.map((name) => make("th", { textContent: name, className: name === "A − B" ? "number" : "" }))));
    rows.replaceChildren(
      ...apart.slice(0, shown).map(({ id, at, by }) => {
        const row = make("tr", {}, make("td", { textContent: id }));
        if (found.gold.length) row.append(make("td", { textContent: found.gold[at] }));
        const points = (by > 0 ? "+" : "−") + Math.abs(100 * by).toFixed(0);
        row.append(predictions(a, at), predictions(b, at), make("td", { className: "number", textContent: points }));
        if (found.texts.length) row.append(make("td", { className: "ina-text", textContent: found.texts[at] }));
        return row;
      }),
    );
    const better = apart.filter((one) => one.by > 0).length;
    count.textContent = `${apart.length} of ${found.ids.length} examples differ: A better on ${better}, B on ${apart.length - better}`;
    more.hidden = apart.length <= shown;
  }

  if (sets.length) load();
  else box.textContent = "No study has two methods on one task.";
})();
