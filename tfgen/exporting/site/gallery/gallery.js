// The gallery: every model on one seed, and one of them looked into.
// The seeds 0 to 63 are shown from pictures; the runtime and a model are fetched when first wanted.
import { between, complaint, draw, leftOut, Model, Order, picture, Sheet, stretched } from "./engine.js";
import { tellNumbers, tellTables } from "./numbers.js";

const get = (id) => document.getElementById(id);
const SHOWN = 64; // seeds of a grid, and of the pictures that are there from the start
const STEPS = 10; // images of an interpolation
const MOMENTS = 8; // of an image that appears step by step
const PAUSE = 25; // ms between its steps
const QUICK = 15; // ms that the first measurement of a model goes on for

let about; // of all models
let entry; // of the one that is looked into
const state = { seed: 0, first: 0, label: -1 };
const edited = { noise: {}, amounts: {} }; // what the chosen sample is made of
const models = new Map(); // {id: a promise of its Model}
const sheets = new Map(); // {id: a promise of its picture}
const costs = new Map(); // {id: ms of a sample}
const order = new Order(say, fail);

// --- what is asked for ---------------------------------------------------------------------------

// What a model is asked beside a seed: a class, a caption, or nothing.
function conditionOf(entry, seed) {
  const turn = (count) => ((seed % count) + count) % count;
  if (entry.vocabulary) {
    const typed = get("caption").value.trim();
    const examples = entry.examples;
    return typed && !complaint(typed, entry) ? typed : examples[turn(examples.length)];
  }
  if (!entry.num_classes) return undefined;
  return state.label >= 0 && state.label < entry.num_classes ? state.label : turn(entry.num_classes);
}

// Whether a seed's picture is there before anything is computed.
function isDrawn(entry, seed) {
  if (seed < 0 || seed >= SHOWN) return false;
  const first = entry.first_conditions[seed];
  return first === undefined || first === conditionOf(entry, seed);
}

function sheetOf(entry) {
  if (!sheets.has(entry.id)) {
    const image = new Image();
    image.src = `./models/${entry.id}.png`;
    sheets.set(entry.id, image.decode().then(() => image));
  }
  return sheets.get(entry.id);
}

function modelOf(entry) {
  if (!models.has(entry.id)) {
    say(`Fetching ${entry.id}: ${kilobytes(entry.bytes)} ...`);
    models.set(entry.id, Model.open(entry, `./models/${entry.id}.tflite.gz`));
  }
  return models.get(entry.id);
}

async function sampleOf(entry, seed) {
  const model = await modelOf(entry);
  const image = await model.sample(seed, conditionOf(entry, seed));
  if (!costs.has(entry.id)) {
    model.cost(); // the first call warms up; of quick ones a browser tells the time of several alone
    const began = performance.now();
    do await model.sample(seed, conditionOf(entry, seed));
    while (performance.now() - began < QUICK);
    costs.set(entry.id, Infinity);
  }
  noteCost(entry, model);
  return image;
}

function noteCost(entry, model) {
  const { mean, calls } = model.cost();
  if (!calls) return;
  costs.set(entry.id, Math.min(mean, costs.get(entry.id))); // other work of the machine adds to it
  const text = milliseconds(costs.get(entry.id));
  document.querySelector(`#wall [data-id="${entry.id}"] small`).textContent = `${entry.data}, ${text}`;
  if (entry === window.gallery?.entry) get("cost").textContent = text;
}

// Puts the image of a seed at a place of a sheet, from the picture or computed.
async function put(sheet, place, entry, seed) {
  const [h, w] = entry.image_shape;
  if (isDrawn(entry, seed)) {
    sheet.put(place, await sheetOf(entry), [(seed % 8) * w, Math.floor(seed / 8) * h, w, h]);
  } else {
    sheet.put(place, picture(await sampleOf(entry, seed), entry.image_shape));
  }
}

const kilobytes = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const milliseconds = (time) => `${time < 10 ? time.toFixed(2) : time.toFixed(0)} ms`;
const rest = () => new Promise((done) => setTimeout(done, 0));

// --- the wall ------------------------------------------------------------------------------------

function makeWall() {
  for (const one of about.models) {
    const tile = document.createElement("button");
    Object.assign(tile, { type: "button", className: "tile" });
    tile.dataset.id = one.id;
    const [name, note] = [document.createElement("strong"), document.createElement("small")];
    // Broken between words alone.
    one.model.split(/(?<=_)/).forEach((part) => name.append(part, document.createElement("wbr")));
    note.textContent = one.data;
    tile.append(document.createElement("canvas"), name, note);
    tile.addEventListener("click", () => look(one));
    get("wall").append(tile);
  }
}

// The chosen model first, then the others from quick to slow, as far as that is known.
async function drawWall() {
  const now = { ...state };
  const cost = (one) => (isDrawn(one, now.seed) ? -1 : (costs.get(one.id) ?? one.bytes / 1e5));
  const queue = [...about.models].sort((a, b) => (b === entry) - (a === entry) || cost(a) - cost(b));
  for (const one of queue) tileOf(one).classList.toggle("waiting", !isDrawn(one, now.seed));
  for (const one of queue) {
    await put(new Sheet(tileOf(one).firstChild, one.image_shape, 1, 1, { cell: 112 }), 0, one, now.seed);
    tileOf(one).classList.remove("waiting");
    const asked = conditionOf(one, now.seed);
    const word = asked === undefined ? "" : `, ${nameOf(one, asked)}`;
    tileOf(one).setAttribute("aria-label", `${one.model} on ${one.data}: seed ${now.seed}${word}`);
    await rest();
    if (order.waits("wall")) return; // another seed is wanted
  }
}

const tileOf = (one) => document.querySelector(`#wall [data-id="${one.id}"]`);
const nameOf = (one, asked) => (one.vocabulary ? asked : `class ${one.classes?.[asked] ?? asked}`);

// --- a model that is looked into -----------------------------------------------------------------

function look(one) {
  entry = window.gallery.entry = one;
  for (const tile of get("wall").children) tile.setAttribute("aria-pressed", tile.dataset.id === one.id);
  tell();
  makeSliders();
  redraw("wall", "grid", "one", "strip", "sum");
}

// What the model is; texts alone, whatever they hold.
function tell() {
  const { whence, density, parameters, bytes, num_classes, vocabulary, noise, findings } = entry;
  get("title").textContent = `${entry.model} on ${entry.data}`;
  get("density").textContent = density === "implicit" ? "no likelihood" : `likelihood: ${density}`;
  get("about").textContent = whence.model ?? "";
  const [names, url] = split(whence.paper ?? "");
  if (url) {
    const link = Object.assign(document.createElement("a"), { href: url, textContent: names, rel: "noopener" });
    get("about").append(" ", link, ".");
  }
  const facts = { parameters: parameters.toLocaleString("en"), "to fetch": kilobytes(bytes),
    "an image": costs.has(entry.id) ? milliseconds(costs.get(entry.id)) : "not run yet" };
  get("facts").replaceChildren(...Object.entries(facts).map(([term, text]) => {
    const pair = document.createElement("div");
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    [dt.textContent, dd.textContent] = [term, text];
    if (term === "an image") dd.id = "cost";
    pair.append(dt, dd);
    return pair;
  }));
  get("captions").hidden = !vocabulary;
  get("latents").hidden = !noise.z;
  get("steps").hidden = !entry.steps;
  get("none").textContent = noise.z
    ? entry.sliders.length ? "" : "Its noise has a number for each pixel, and none that tells more than others."
    : "It is drawn by chance, one number after another: there is no code to move.";
  get("whence").replaceChildren(`Trained${whence.trained ? ` on ${whence.trained}` : ""}`);
  if (whence.command) {
    const code = document.createElement("code");
    for (const part of whence.command.split(" ")) {
      const span = document.createElement("span");
      span.textContent = part;
      code.append(span, " ");
    }
    get("whence").append(" by ", code);
  }
  tellNumbers(entry);
}

// "Kingma and Welling 2014, https://..." -> its two parts; a link leads to the web alone.
function split(paper) {
  const at = paper.lastIndexOf(", https://");
  return at < 0 ? [paper, ""] : [paper.slice(0, at), paper.slice(at + 2)];
}

async function drawGrid() {
  const [one, first] = [entry, state.first];
  get("range").textContent = `from ${first}`;
  mark();
  const sheet = new Sheet(get("grid"), one.image_shape, SHOWN, 8);
  for (let i = 0; i < SHOWN; i++) {
    await put(sheet, i, one, (first + i) | 0);
    if (i % 8 === 7) await rest();
    if (order.waits("grid")) return;
  }
}

// Frames the chosen seed, where it is in the grid.
function mark() {
  const i = state.seed - state.first;
  const inside = i >= 0 && i < SHOWN;
  get("chosen").hidden = !inside;
  Object.assign(get("chosen").style, { left: `${12.5 * (i % 8)}%`, top: `${12.5 * Math.floor(i / 8)}%` });
  get("which").textContent = state.seed;
  get("seed").value = state.seed;
}

// Chooses a seed; the grid goes along where it is beyond it.
function choose(seed) {
  state.seed = seed | 0;
  const inside = state.seed >= state.first && state.seed < state.first + SHOWN;
  if (!inside) state.first = seed >= 0 && seed < SHOWN ? 0 : state.seed;
  mark();
  redraw(...(inside ? [] : ["grid"]), "one", "wall");
}

// --- one sample ----------------------------------------------------------------------------------

function addSlider(parent, name, label, low, high, moved) {
  const line = document.createElement("label");
  const slider = Object.assign(document.createElement("input"), {
    type: "range", min: low, max: high, step: 0.01, value: 0 });
  slider.setAttribute("aria-label", label);
  const output = document.createElement("output");
  slider.addEventListener("input", () => {
    output.value = (+slider.value).toFixed(2);
    order.once("moved", async () => {
      await ready();
      moved(+slider.value);
      await drawEdited();
    });
  });
  line.append(name, slider, output);
  get(parent).append(line);
  return slider;
}

function makeSliders() {
  for (const id of ["sliders", "directions"]) get(id).replaceChildren();
  for (const { noise, index, low, high } of entry.sliders) {
    const label = `number ${index} of ${noise === "z" ? "the latent vector" : `the code ${noise}`}`;
    const slider = addSlider("sliders", `${noise}${index}`, label, low, high,
      (value) => (edited.noise[noise][index] = value));
    Object.assign(slider.dataset, { noise, index });
  }
  for (const name of Object.keys(entry.directions)) {
    addSlider("directions", name, name, -2, 2, (value) => (edited.amounts[name] = value));
  }
  get("attributes").hidden = !Object.keys(entry.directions).length;
  get("reset").hidden = !entry.sliders.length && get("attributes").hidden;
}

// The noise of the chosen seed, once it is wanted.
async function ready() {
  const key = `${entry.id} ${state.seed}`;
  if (edited.key === key) return;
  const model = await modelOf(entry);
  Object.assign(edited, { key, noise: await model.noise(state.seed), amounts: {} });
}

// The chosen sample as it is; its sliders where its latents are known.
async function drawOne() {
  edited.key = "";
  await put(new Sheet(get("one"), entry.image_shape, 1, 1, { cell: 172 }), 0, entry, state.seed);
  if (!models.has(entry.id)) {
    for (const slider of document.querySelectorAll(".sliders input")) show(slider, 0, "");
    return;
  }
  await ready();
  for (const slider of document.querySelectorAll(".sliders input")) {
    const { noise, index } = slider.dataset;
    const value = noise ? edited.noise[noise][index] : 0;
    show(slider, value, (+value).toFixed(2));
  }
}

function show(slider, value, text) {
  slider.value = value;
  slider.nextElementSibling.value = text;
}

async function drawEdited() {
  const model = await modelOf(entry);
  const z = edited.noise.z.slice();
  for (const [name, amount] of Object.entries(edited.amounts)) {
    entry.directions[name].forEach((value, i) => (z[i] += amount * value));
  }
  const image = await model.decode({ ...edited.noise, z }, conditionOf(entry, state.seed));
  draw(get("one"), [image], entry.image_shape, 1, { cell: 172 });
}

// Noise on its way to the chosen sample, above the model's guesses, from left to right.
async function drawAppearing() {
  const [one, seed] = [entry, state.seed];
  const model = await modelOf(one);
  const sheet = new Sheet(get("appearing"), one.image_shape, 2 * MOMENTS, MOMENTS);
  let n = 0;
  for await (const { x, image } of model.steps(await model.noise(seed), conditionOf(one, seed))) {
    n += 1;
    const column = Math.ceil((n * MOMENTS) / one.steps) - 1;
    sheet.put(column, picture(stretched(x), one.image_shape));
    sheet.put(MOMENTS + column, picture(image, one.image_shape));
    get("gone").textContent = `step ${n} of ${one.steps}`;
    await new Promise((done) => setTimeout(done, PAUSE));
    if (order.waits("appearing")) return;
  }
  model.cost(); // of steps, not of images
}

// --- two seeds and three -------------------------------------------------------------------------

const number = (id) => get(id).valueAsNumber | 0; // an int32, whatever was typed

async function drawStrip() {
  const one = entry;
  const sheet = new Sheet(get("strip"), one.image_shape, STEPS, STEPS / 2, { cell: 96 });
  const [from, to] = [number("from"), number("to")];
  const asked = conditionOf(one, from);
  get("asked").textContent = asked === undefined ? "" : `${nameOf(one, asked)} throughout`;
  if (!wanted()) { // only its beginning is there from the start
    await put(sheet, 0, one, from);
    return;
  }
  const model = await modelOf(one);
  const [a, b] = [await model.noise(from), await model.noise(to)];
  for (let i = 0; i < STEPS; i++) {
    const z = between(a.z, b.z, i / (STEPS - 1), one.prior);
    sheet.put(i, picture(await model.decode({ ...a, z }, asked), one.image_shape));
    if (i % 4 === 3) await rest();
    if (order.waits("strip")) return;
  }
}

async function drawSum() {
  const one = entry;
  const seeds = [number("from"), number("to"), number("third")];
  for (const i of [0, 1]) get(`name${i}`).textContent = `seed ${seeds[i]}`;
  const sheetAt = (i) => new Sheet(get(`term${i}`), one.image_shape, 1, 1, { cell: 96 });
  if (!wanted()) {
    for (const i of [0, 1, 2]) await put(sheetAt(i), 0, one, seeds[i]);
    return;
  }
  const model = await modelOf(one);
  const condition = conditionOf(one, seeds[0]);
  const noises = [];
  for (const seed of seeds) noises.push(await model.noise(seed));
  const z = noises[0].z.map((value, i) => value - noises[1].z[i] + noises[2].z[i]);
  // Back to the radius, or into the cube, that the prior's own latents have.
  const length = (v) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  const mean = (length(noises[0].z) + length(noises[1].z) + length(noises[2].z)) / 3;
  const inside = one.prior === "uniform" ? (x) => Math.min(1, Math.max(-1, x)) : (x) => (x * mean) / length(z);
  noises.push({ ...noises[0], z: z.map(inside) });
  for (const [i, noise] of noises.entries()) {
    sheetAt(i).put(0, picture(await model.decode(noise, condition), one.image_shape));
  }
}

// Whether latents may be computed: once they are looked at, or the model is here.
let seen = false;
const wanted = () => seen || models.has(entry.id);

// --- order and words -----------------------------------------------------------------------------

const WORK = { wall: drawWall, grid: drawGrid, one: drawOne, strip: drawStrip, sum: drawSum,
  appearing: drawAppearing };

function redraw(...names) {
  for (const name of names) {
    if ((name === "strip" || name === "sum") && !entry.noise.z) continue;
    order.once(name, WORK[name]);
  }
  keepAddress();
}

function say(text) {
  if (text) {
    get("status").textContent = text;
    return;
  }
  const known = [...costs.values()];
  get("status").textContent = known.length
    ? `Computed here, on one thread of your processor: ${milliseconds(Math.min(...known))} to ` +
      `${milliseconds(Math.max(...known))} an image.`
    : "These were drawn before; choose another seed or move a slider, and your browser computes.";
}

function fail(error) {
  get("status").className = "error";
  get("status").textContent = `This page needs a browser with WebAssembly, and a web server: ${error}`;
}

function keepAddress() {
  const words = new URLSearchParams({ model: entry.id, seed: state.seed });
  if (state.label >= 0) words.set("class", state.label);
  history.replaceState(null, "", `#${words}`);
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  state.seed = Number(words.get("seed") ?? 0) | 0;
  state.first = state.seed >= 0 && state.seed < SHOWN ? 0 : state.seed;
  state.label = Number(words.get("class") ?? -1);
  return about.models.find((one) => one.id === words.get("model")) ?? about.models[0];
}

function makeControls() {
  get("seed").addEventListener("change", () => choose(number("seed")));
  get("another").addEventListener("click", () => choose(Math.floor(Math.random() * 2 ** 31)));
  const step = (by) => {
    state.first = (state.first + by) | 0;
    redraw("grid");
  };
  get("earlier").addEventListener("click", () => step(-SHOWN));
  get("later").addEventListener("click", () => step(SHOWN));
  // Classes of the first conditional model; another has them by the same numbers.
  const conditional = about.models.filter((one) => one.num_classes);
  get("labels").hidden = !conditional.length;
  const [longest] = conditional.sort((a, b) => b.num_classes - a.num_classes);
  for (let i = 0; i < (longest?.num_classes ?? 0); i++) {
    const names = new Set(conditional.map((one) => one.classes?.[i] ?? String(i)));
    get("label").append(new Option([...names].join(" / "), i));
  }
  get("label").value = state.label;
  get("label").addEventListener("change", () => {
    state.label = +get("label").value;
    redraw("wall", "grid", "one", "strip", "sum");
  });
  get("caption").addEventListener("change", () => {
    const typed = get("caption").value.trim();
    get("unknown").textContent = typed ? complaint(typed, entry) || leftOut(typed, entry) : "";
    redraw("grid", "one", "strip", "sum", "wall");
  });
  get("reset").addEventListener("click", () => redraw("one"));
  get("play").addEventListener("click", () => redraw("appearing"));
  for (const id of ["from", "to", "third"]) {
    get(id).addEventListener("change", () => {
      modelOf(entry);
      redraw("strip", "sum");
    });
  }
  get("grid").addEventListener("click", (event) => {
    const box = get("grid").getBoundingClientRect();
    const column = Math.floor((8 * (event.clientX - box.left)) / box.width);
    const row = Math.floor((8 * (event.clientY - box.top)) / box.height);
    choose(state.first + 8 * row + column);
  });
  get("grid").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = state.seed - state.first + by;
    if (next >= 0 && next < SHOWN) choose(state.first + next);
  });
  new IntersectionObserver(([{ isIntersecting }], observer) => {
    if (!isIntersecting) return;
    seen = true;
    observer.disconnect();
    redraw("strip", "sum");
  }).observe(get("latents"));
  get("theme").addEventListener("click", () => setTheme(!isDark()));
  get("theme").textContent = isDark() ? "Light" : "Dark";
}

const isDark = () =>
  (document.documentElement.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function setTheme(dark) {
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  get("theme").textContent = dark ? "Light" : "Dark";
}

async function start() {
  about = await (await fetch("./about.json")).json();
  get("count").textContent = `${about.models.length} generative models`;
  // For tests and the curious.
  window.gallery = { models: about.models, state, order, modelOf, isDrawn };
  const first = readAddress();
  makeControls();
  makeWall();
  tellTables(about.models, (one) => {
    look(one);
    get("room").focus();
  });
  look(first);
  await order.idle();
  window.gallery.ready = true;
}

start().catch(fail);
