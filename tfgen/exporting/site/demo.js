// Runs model.tflite with LiteRT.js. A seed goes to `noise`, its latents to `decode`; `sample` does both.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const get = (id) => document.getElementById(id);
const CELL = 64; // screen pixels of a small image
const STEPS = 14; // images of the interpolation, in two rows
const MOMENTS = 8; // of an image that appears step by step
const PAUSE = 25; // milliseconds, between its steps

let model, about;
let latents = {}; // what the edited sample is made of, by name
let label = 0; // its class, or its caption, where the model is conditional
let chosen = 0; // which sample of the grid it is
let amounts = {}; // how much of each attribute is added to its code
const times = [];

// --- the model ---------------------------------------------------------------------------------

async function run(signature, inputs) {
  const tensors = {};
  for (const [name, [values, shape]] of Object.entries(inputs)) {
    tensors[name] = new Tensor(values, shape);
  }
  const began = performance.now();
  const results = await model.run(signature, tensors);
  times.push(performance.now() - began);
  const outputs = {};
  for (const [name, tensor] of Object.entries(results)) {
    outputs[name] = (await tensor.data()).slice();
    tensor.delete();
  }
  for (const tensor of Object.values(tensors)) tensor.delete();
  return outputs;
}

const int32 = (value) => [new Int32Array([value]), [1]];

function withLabel(inputs, label) {
  if (about.vocabulary) return { ...inputs, tokens: [tokensOf(label), [1, about.length]] };
  return about.num_classes ? { ...inputs, label: int32(label) } : inputs;
}

// A caption's words as numbers, as tfgen/data/text.py has them.
function tokensOf(caption) {
  const words = wordsOf(caption);
  const tokens = new Int32Array(about.length); // 0 is no word; indexOf gives -1, so 1 is unknown
  words.slice(0, about.length).forEach((word, i) => (tokens[i] = 2 + about.vocabulary.indexOf(word)));
  return tokens;
}

const wordsOf = (caption) =>
  caption.toLowerCase().replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, "").split(/\s+/).filter(Boolean);

// What is wrong with the caption in its box, or nothing.
function complaint() {
  const words = wordsOf(get("caption").value).slice(0, about.length);
  const unknown = words.filter((word) => !about.vocabulary.includes(word));
  if (unknown.length) {
    const known = about.vocabulary.length <= 60 ? ` It knows: ${about.vocabulary.join(", ")}.` : "";
    return `The model has never seen: ${unknown.join(", ")}.${known}`;
  }
  return words.length ? "" : "A word at least, please.";
}

// What of the caption is not read, or nothing.
function leftOut() {
  const cut = wordsOf(get("caption").value).slice(about.length);
  return cut.length ? `The model reads ${about.length} words; left out: ${cut.join(" ")}.` : "";
}

const sample = async (seed, label) =>
  (await run("sample", withLabel({ seed: int32(seed) }, label))).image;
const noise = (seed) => run("noise", { seed: int32(seed) });

async function decode(values, label) {
  const inputs = {};
  for (const [name, shape] of Object.entries(about.noise)) inputs[name] = [values[name], shape];
  return (await run("decode", withLabel(inputs, label))).image;
}

// The steps of a sample, one after the other: x, where each ends, and its guess of the image.
async function* steps(noise, label) {
  const shape = [1, ...about.image_shape];
  let x = noise.z;
  for (let n = 0; n < about.steps; n++) {
    const inputs = { x: [x, shape], step: int32(n) };
    if (noise.added) {
      inputs.added = [noise.added.slice(n * x.length, (n + 1) * x.length), shape];
    }
    const found = await run("denoise_step", withLabel(inputs, label));
    yield found;
    x = found.x;
  }
}

// The class of the i-th image of the grid, the chosen one or all in turn; or the caption.
function labelOf(i) {
  if (about.vocabulary) return get("caption").value;
  const chosen = +get("label").value;
  return chosen < 0 ? i % about.num_classes : chosen;
}

// --- pictures ----------------------------------------------------------------------------------

function picture(image) {
  const [h, w, c] = about.image_shape;
  const canvas = new OffscreenCanvas(w, h);
  const data = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) {
    for (let k = 0; k < 3; k++) {
      data.data[4 * i + k] = Math.round(255 * image[c === 1 ? i : c * i + k]);
    }
    data.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function draw(canvas, images, columns, gap = 3) {
  const [h, w] = about.image_shape;
  const zoom = Math.max(1, Math.round(CELL / Math.max(h, w)));
  const [ch, cw] = [h * zoom + gap, w * zoom + gap];
  canvas.width = columns * cw - gap;
  canvas.height = Math.ceil(images.length / columns) * ch - gap;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  images.forEach((image, i) => {
    const [x, y] = [(i % columns) * cw, Math.floor(i / columns) * ch];
    context.drawImage(picture(image), x, y, w * zoom, h * zoom);
  });
}

// --- the three parts of the page -----------------------------------------------------------------

const number = (id) => get(id).valueAsNumber | 0; // an int32, whatever was typed

async function drawGrid() {
  const first = number("seed");
  const images = [];
  for (let i = 0; i < 64; i++) images.push(await sample((first + i) | 0, labelOf(i)));
  draw(get("grid"), images, 8);
}

async function take(seed, itsLabel) {
  latents = await noise(seed);
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
  draw(get("one"), [await decode({ ...latents, z }, label)], 1);
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
    get("unknown").textContent = complaint() || leftOut();
    if (complaint()) return;
    once(() => take(+get("which").dataset.seed, labelOf(0)));
    once(drawGrid);
    once(drawStrip);
  });
}

function between(a, b, t) {
  // Great circles for a normal prior, straight lines for a uniform one.
  let [p, q] = [1 - t, t];
  if (about.prior !== "uniform") {
    const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    const angle = Math.max(Math.acos(Math.min(1, Math.max(-1, cosine))), 1e-6);
    [p, q] = [Math.sin((1 - t) * angle), Math.sin(t * angle)].map((s) => s / Math.sin(angle));
  }
  return a.map((x, i) => p * x + q * b[i]);
}

async function drawStrip() {
  const [a, b] = [await noise(number("from")), await noise(number("to"))];
  const images = [];
  for (let i = 0; i < STEPS; i++) {
    images.push(await decode({ ...a, z: between(a.z, b.z, i / (STEPS - 1)) }, labelOf(0)));
  }
  draw(get("strip"), images, STEPS / 2);
}

// Noise on its way to the chosen sample, above the model's guesses: filled in from the left, and in
// the last column what there is now.
async function drawAppearing() {
  const [noisy, guesses] = [[], []];
  let n = 0;
  for await (const { x, image } of steps(latents, label)) {
    n += 1;
    const column = Math.ceil((n * MOMENTS) / about.steps) - 1;
    noisy[column] ??= stretched(x);
    guesses[column] ??= image;
    const shown = [...noisy, ...Array(MOMENTS - noisy.length).fill(stretched(x))];
    shown[MOMENTS - 1] = stretched(x);
    const below = [...guesses, ...Array(MOMENTS - guesses.length).fill(image)];
    below[MOMENTS - 1] = image;
    draw(get("appearing"), [...shown, ...below], MOMENTS);
    get("gone").textContent = n;
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

// Numbers around 0 as an image, whatever they are multiples of.
function stretched(x) {
  const spread = 2 * Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length) + 1e-9;
  return x.map((v) => Math.min(1, Math.max(0, 0.5 + (0.5 * v) / spread)));
}

// --- order ---------------------------------------------------------------------------------------

// Work is done one after the other; of what waits, only the newest of a kind is done.
const waiting = new Map();
let working = false;

async function once(work) {
  waiting.set(work, work);
  if (working) return;
  working = true;
  try {
    while (waiting.size) {
      const [next] = waiting.values();
      waiting.delete(next);
      await next();
    }
    say();
  } catch (error) {
    fail(error);
  }
  working = false;
}

function say() {
  // A mean: browsers round a single time to 0.1 ms.
  const done = times.splice(0);
  if (!done.length) return;
  const mean = done.reduce((sum, time) => sum + time, 0) / done.length;
  get("status").textContent =
    `${mean.toFixed(2)} ms a call (mean of ${done.length}), on this machine's processor. ` +
    `${about.model}, ${about.precision}, ${(about.bytes / 1000).toFixed(0)} kB; beside it ` +
    `${(about.runtime_bytes / 1e6).toFixed(1)} MB of runtime, which the browser keeps.`;
}

function fail(error) {
  get("status").className = "error";
  get("status").textContent = `This page needs a browser with WebAssembly, and a web server: ${error}`;
}

// The bytes of a file packed by gzip, which some servers unpack on the way and others do not.
async function unpacked(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
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
  window.Module = { wasmBinary: await unpacked("./vendor/core/litert.wasm.gz") };
  await loadLiteRt("./vendor/core/litert.js");
  model = await loadAndCompile("./model.tflite", { accelerator: "wasm" });
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
  while (working) await new Promise((done) => setTimeout(done, 10));
  // For tests and the curious: the model's answer to a seed, and the pixels that it is drawn with.
  const pixels = async (seed, label) => {
    const canvas = picture(await sample(seed, label));
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return [...data];
  };
  const appearing = async (seed, label) => {
    let last;
    for await (const { image } of steps(await noise(seed), label)) last = image;
    return last;
  };
  window.tfgen = { sample, noise, decode, pixels, appearing };
}

start().catch(fail);
