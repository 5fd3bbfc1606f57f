// What models are worth, as rulers and tables: beside real images and trivial generators.

const get = (id) => document.getElementById(id);

function made(tag, text = "", className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

const arrow = (better) => ({ lower: " ↓", higher: " ↑" })[better] ?? "";

// The numbers of one model, each on a line from the least to the greatest that is known of it.
export function tellNumbers({ numbers, findings }) {
  get("worth").hidden = !numbers.length;
  if (!numbers.length) return;
  get("of").textContent =
    `${numbers[0].of}. The large dot is this model, the green one what real images get, grey ones trivial generators.`;
  get("numbers").replaceChildren(...numbers.map(ruler));
  get("findings").replaceChildren(...findings.map((text) => made("li", text)));
}

function ruler({ title, meaning, better, value, text, marks }) {
  const line = made("div", "", "ruler");
  const track = made("div", "", "track");
  const every = [value, ...Object.values(marks).map(([mark]) => mark)];
  const [low, high] = [Math.min(...every), Math.max(...every)];
  // What is the better the lower has outliers above: equal ratios are equal ways then.
  const scale = better === "lower" && low > 0 ? Math.log : (x) => x;
  const place = (x) => `${(100 * (scale(x) - scale(low))) / (scale(high) - scale(low) || 1)}%`;
  for (const [name, [mark, shown]] of Object.entries(marks)) {
    const dot = made("i", "", name === "real images" ? "real" : "");
    Object.assign(dot, { title: `${name}: ${shown}` }).style.left = place(mark);
    track.append(dot);
  }
  const own = made("i", "", "own");
  own.style.left = place(value);
  track.append(own);
  track.hidden = every.length === 1;
  track.ariaHidden = "true"; // the words below say the same
  const words = made("small");
  const real = marks["real images"];
  if (real) words.append(made("span", `real images ${real[1]}`, "real"));
  for (const [name, [, shown]] of Object.entries(marks)) {
    if (name !== "real images") words.append(`${words.childNodes.length ? ", " : ""}${name} ${shown}`);
  }
  words.title = meaning;
  line.append(made("span", title + arrow(better)), made("b", text), track, words);
  line.title = meaning;
  return line;
}

// A table for each data set: its models, a column a number that any of them has.
export function tellTables(models, chosen) {
  const sets = [...new Set(models.map((one) => one.data))];
  get("tables").replaceChildren(
    ...sets.map((data) => table(data, models.filter((one) => one.data === data), chosen)));
}

function table(data, models, chosen) {
  const columns = new Map();
  for (const { numbers } of models) for (const row of numbers) columns.set(row.key, columns.get(row.key) ?? row);
  const keys = [...columns.keys()].filter((key) => models.some((one) => numberOf(one, key)));
  const facts = { parameters: (one) => one.parameters, kB: (one) => Math.round(one.bytes / 1000) };
  const box = made("div", "", "scroll");
  const whole = made("table");
  const [head, body, line] = [made("thead"), made("tbody"), made("tr")];
  const titles = ["model", ...keys.map((key) => columns.get(key).title + arrow(columns.get(key).better)), ...Object.keys(facts)];
  const values = [
    (one) => one.model,
    ...keys.map((key) => (one) => numberOf(one, key)?.value),
    ...Object.values(facts),
  ];
  const rows = models.map((one) => ({ one, cells: made("tr") }));
  titles.forEach((title, column) => {
    const button = Object.assign(made("button", title), { type: "button" });
    const cell = Object.assign(made("th"), { scope: "col" });
    cell.append(button);
    button.addEventListener("click", () => sort(column));
    line.append(cell);
  });
  const best = keys.map((key) => bestOf(models, key, columns.get(key).better));
  for (const { one, cells } of rows) {
    const name = Object.assign(made("th"), { scope: "row" });
    const button = Object.assign(made("button", one.model), { type: "button" });
    button.addEventListener("click", () => chosen(one));
    name.append(button);
    cells.append(name);
    keys.forEach((key, i) => {
      const found = numberOf(one, key);
      cells.append(made("td", found?.text ?? "", found && found.value === best[i] ? "best" : ""));
    });
    for (const of of Object.values(facts)) cells.append(made("td", of(one).toLocaleString("en")));
  }
  const real = made("tr", "", "real");
  real.append(Object.assign(made("th", "real images"), { scope: "row" }));
  for (const key of keys) real.append(made("td", columns.get(key).marks["real images"]?.[1] ?? ""));
  for (const _ of Object.keys(facts)) real.append(made("td"));

  let direction = 1;
  function sort(column) {
    const cell = line.children[column];
    direction = cell.ariaSort === "ascending" ? -1 : 1;
    for (const other of line.children) other.removeAttribute("aria-sort");
    cell.ariaSort = direction > 0 ? "ascending" : "descending";
    const value = ({ one }) => values[column](one);
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined); // last
      return direction * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
    body.replaceChildren(...rows.map(({ cells }) => cells), real);
  }

  head.append(line);
  body.append(...rows.map(({ cells }) => cells), real);
  whole.append(made("caption", data), head, body);
  box.append(whole);
  return box;
}

const numberOf = (one, key) => one.numbers.find((row) => row.key === key);

function bestOf(models, key, better) {
  const values = models.map((one) => numberOf(one, key)?.value).filter((value) => value !== undefined);
  if (!better || values.length < 2) return undefined;
  return better === "lower" ? Math.min(...values) : Math.max(...values);
}
