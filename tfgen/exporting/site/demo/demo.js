// The page of one model: samples, its latents, a way between two seeds.
import { between, complaint, draw, leftOut, Model, Order, picture, stretched } from "./engine.js";

const get = (id) => document.getElementById(id);
const STEPS = 14; // images of the interpolation, in two rows
const MOMENTS = 8; // of an image that appears step by step
const PAUSE = 25; // milliseconds, between its steps

let model, about;
let latents = {}; // what the edited sample is made of, by name
let label = 0; // its class, or its caption, where the model is conditional
let chosen = 0; // which sample of the grid it is
let amounts = {}; // how much of each attribute is added to its code
const order = new Order(say, fail);
const once = (work) => order.once(work, work);

// The class of the i-th image of the grid, the chosen one or all in turn; or the caption.
function labelOf(i) {
  if (about.vocabulary) return get("caption").value;
  const chosen = +get("label").value;
  return chosen < 0 ? i % about.num_classes : chosen;
}

// --- the three parts of the page -----------------------------------------------------------------

const number = (id) => get(id).valueAsNumber | 0; // an int32, whatever was typed

async function drawGrid() {
  const first = number("seed");
  const images = [];
  for (let i = 0; i < 64; i++) images.push(await model.sample((first + i) | 0, labelOf(i)));
  draw(get("grid"), images, about.image_shape, 8);
}

async function take(seed, itsLabel) {
  latents = await model.noise(seed);
  [label, amounts] = [itsLabel, {}];
  get("which").textContent = seed;
  [get("which").dataset.seed, get("which").dataset.label] = [seed, label];
  for (const slider of document.querySelectorAll(".sliders input")) {
    slider.value = slider.dataset.index === undefined ? 0 : latents.z[slider.dataset.index];
    slider.nextElementSibling.value = (+slider.value).toFixed(2);
  }
  await drawOne();
}

// Takes the i-th sample of the grid.
function choose(i) {
  if (i < 0 || i >= 64) return;
  chosen = i;
  const style = get("chosen").style;
  [style.left, style.top] = [`${12.5 * (i % 8)}%`, `${12.5 * Math.floor(i / 8)}%`];
  if (about.noise.z) once(takeChosen);
}

async function takeChosen() {
  await take((number("seed") + chosen) | 0, labelOf(chosen));
  if (about.steps) once(drawAppearing);
}

async function drawOne() {
  const z = latents.z.slice();
  for (const [name, amount] of Object.entries(amounts)) {
    about.directions[name].forEach((value, i) => (z[i] += amount * value));
  }
  draw(get("one"), [await model.decode({ ...latents, z }, label)], about.image_shape, 1);
}

function addSlider(parent, name, limit, moved) {
  const line = document.createElement("label");
  line.append(name);
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: -limit, max: limit, step: 0.01, value: 0 });
  const output = document.createElement("output");
  slider.addEventListener("input", () => {
    moved(+slider.value);
    output.value = (+slider.value).toFixed(2);
    once(drawOne);
  });
  line.append(slider, output);
  get(parent).append(line);
  return slider;
}

function makeSliders() {
  const limit = about.prior === "uniform" ? 1 : 3;
  for (const index of about.latents) {
    const slider = addSlider("sliders", `z${index}`, limit, (value) => (latents.z[index] = value));
    slider.dataset.index = index;
  }
  for (const name of Object.keys(about.directions)) {
    addSlider("directions", name, 2, (value) => (amounts[name] = value));
  }
  get("attributes").hidden = !Object.keys(about.directions).length;
}

function makeLabels() {
  get("labels").hidden = !about.num_classes;
  get("label").append(new Option("each in turn", -1));
  for (let i = 0; i < about.num_classes; i++) {
    get("label").append(new Option(about.classes?.[i] ?? i, i));
  }
  get("label").addEventListener("change", () => {
    once(drawGrid);
    if (about.noise.z) once(drawStrip);
  });
}

function makeCaption() {
  get("captions").hidden = !about.vocabulary;
  if (!about.vocabulary) return;
  get("caption").value = about.examples[0];
  get("caption").addEventListener("change", () => {
    const wrong = complaint(get("caption").value, about);
    get("unknown").textContent = wrong || leftOut(get("caption").value, about);
    if (wrong) return;
    once(() => take(+get("which").dataset.seed, labelOf(0)));
    once(drawGrid);
    once(drawStrip);
  });
}

async function drawStrip() {
  const [a, b] = [await model.noise(number("from")), await model.noise(number("to"))];
  const images = [];
  for (let i = 0; i < STEPS; i++) {
    const z = between(a.z, b.z, i / (STEPS - 1), about.prior);
    images.push(await model.decode({ ...a, z }, labelOf(0)));
  }
  draw(get("strip"), images, about.image_shape, STEPS / 2);
}

// Noise on its way to the chosen sample, above the model's guesses: filled in from the left, and in
// the last column what there is now.
async function drawAppearing() {
  const [noisy, guesses] = [[], []];
  let n = 0;
  for await (const { x, image } of model.steps(latents, label)) {
    n += 1;
    const column = Math.ceil((n * MOMENTS) / about.steps) - 1;
    noisy[column] ??= stretched(x);
    guesses[column] ??= image;
    const shown = [...noisy, ...Array(MOMENTS - noisy.length).fill(stretched(x))];
    shown[MOMENTS - 1] = stretched(x);
    const below = [...guesses, ...Array(MOMENTS - guesses.length).fill(image)];
    below[MOMENTS - 1] = image;
    draw(get("appearing"), [...shown, ...below], about.image_shape, MOMENTS);
    get("gone").textContent = n;
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

// --- order ---------------------------------------------------------------------------------------

function say() {
  const { mean, calls } = model.cost();
  if (!calls) return;
  get("status").textContent =
    `${mean.toFixed(2)} ms a call (mean of ${calls}), on this machine's processor. ` +
    `${about.model}, ${about.precision}, ${(about.bytes / 1000).toFixed(0)} kB; beside it ` +
    `${(about.runtime_bytes / 1e6).toFixed(1)} MB of runtime, which the browser keeps.`;
}

function fail(error) {
  get("status").className = "error";
  get("status").textContent = `This page needs a browser with WebAssembly, and a web server: ${error}`;
}

// What the model is, from which paper, trained when and how; texts alone, whatever they hold.
function tellWhence() {
  const { model, paper, trained, seed, command } = about.whence;
  if (!model) return;
  const when = trained ? ` on ${trained}` : "";
  const kind = model.replace(/\.$/, "");
  get("whence").append(`${kind}${paper ? ` (${paper})` : ""}. Trained${when} with seed ${seed}`);
  if (command) {
    const code = document.createElement("code");
    for (const part of command.split(" ")) {  // broken between arguments alone
      const span = document.createElement("span");
      span.textContent = part;
      code.append(span, " ");
    }
    get("whence").append(": ", code);
  }
  get("whence").hidden = false;
}

async function start() {
  about = await (await fetch("./about.json")).json();
  document.title = get("title").textContent = `${about.model} on ${about.data}`;
  tellWhence();
  model = await Model.open(about, "./model.tflite");
  makeSliders();
  makeLabels();
  makeCaption();
  get("latents").hidden = !about.noise.z;
  get("steps").hidden = !about.steps;
  get("play").addEventListener("click", () => once(drawAppearing));
  get("new").addEventListener("click", () => {
    get("seed").value = Math.floor(Math.random() * 2 ** 31);
    once(drawGrid);
  });
  get("seed").addEventListener("change", () => once(drawGrid));
  for (const id of ["from", "to"]) get(id).addEventListener("change", () => once(drawStrip));
  get("reset").addEventListener("click", () => {
    const { seed, label } = get("which").dataset;
    once(() => take(+seed, about.vocabulary ? label : +label));
  });
  get("grid").addEventListener("click", (event) => {
    const box = get("grid").getBoundingClientRect();
    const column = Math.floor((8 * (event.clientX - box.left)) / box.width);
    const row = Math.floor((8 * (event.clientY - box.top)) / box.height);
    choose(8 * row + column);
  });
  get("grid").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -8, ArrowDown: 8, Enter: 0 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  });
  if (about.noise.z) {
    once(takeChosen);
    once(drawStrip);
  }
  await once(drawGrid);
  await order.idle();
  // For tests and the curious: the model's answer to a seed, and the pixels that it is drawn with.
  const pixels = async (seed, label) => {
    const canvas = picture(await model.sample(seed, label), about.image_shape);
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return [...data];
  };
  const appearing = async (seed, label) => {
    let last;
    for await (const { image } of model.steps(await model.noise(seed), label)) last = image;
    return last;
  };
  window.tfgen = { sample: (seed, label) => model.sample(seed, label), pixels, appearing };
}

start().catch(fail);
