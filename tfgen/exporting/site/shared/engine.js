// What the pages share: LiteRT.js, a model that it runs, pictures, and the order of work.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

// --- the runtime ---------------------------------------------------------------------------------

let runtime;

// Loads LiteRT.js once, when the first model is wanted.
export function startRuntime() {
  runtime ??= (async () => {
    window.Module = { wasmBinary: await unpacked("./vendor/core/litert.wasm.gz") };
    await loadLiteRt("./vendor/core/litert.js");
  })();
  return runtime;
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

// --- the model -----------------------------------------------------------------------------------

const int32 = (value) => [new Int32Array([value]), [1]];

// A LiteRT file. A seed goes to `noise`, its latents to `decode`; `sample` does both.
export class Model {
  constructor(about, compiled) {
    this.about = about;
    this.compiled = compiled;
    this.times = []; // ms of each call since `cost` was asked for
  }

  // about: what its page says of it, as tfgen/exporting/demo.py has it; file: packed, or as it is.
  static async open(about, file) {
    await startRuntime();
    const bytes = new Uint8Array(await unpacked(file));
    return new Model(about, await loadAndCompile(bytes, { accelerator: "wasm" }));
  }

  get conditional() {
    return Boolean(this.about.num_classes || this.about.vocabulary);
  }

  async run(signature, inputs) {
    const tensors = {};
    for (const [name, [values, shape]] of Object.entries(inputs)) {
      tensors[name] = new Tensor(values, shape);
    }
    const began = performance.now();
    const results = await this.compiled.run(signature, tensors);
    this.times.push(performance.now() - began);
    const outputs = {};
    for (const [name, tensor] of Object.entries(results)) {
      outputs[name] = (await tensor.data()).slice();
      tensor.delete();
    }
    for (const tensor of Object.values(tensors)) tensor.delete();
    return outputs;
  }

  // condition: a class, by its number, or a caption.
  #with(inputs, condition) {
    const { vocabulary, length, num_classes } = this.about;
    if (vocabulary) return { ...inputs, tokens: [tokensOf(condition, this.about), [1, length]] };
    return num_classes ? { ...inputs, label: int32(condition) } : inputs;
  }

  async sample(seed, condition) {
    return (await this.run("sample", this.#with({ seed: int32(seed) }, condition))).image;
  }

  noise(seed) {
    return this.run("noise", { seed: int32(seed) });
  }

  async decode(values, condition) {
    const inputs = {};
    for (const [name, shape] of Object.entries(this.about.noise)) {
      inputs[name] = [values[name], shape];
    }
    return (await this.run("decode", this.#with(inputs, condition))).image;
  }

  // Of a sampler of many steps one after the other: x, where each ends, and its guess of the image.
  async *steps(noise, condition) {
    const shape = [1, ...this.about.image_shape];
    let x = noise.z;
    for (let n = 0; n < this.about.steps; n++) {
      const inputs = { x: [x, shape], step: int32(n) };
      if (noise.added) inputs.added = [noise.added.slice(n * x.length, (n + 1) * x.length), shape];
      const found = await this.run("denoise_step", this.#with(inputs, condition));
      yield found;
      x = found.x;
    }
  }

  // Mean ms of a call since the last question, and of how many; a browser rounds a single time.
  cost() {
    const done = this.times.splice(0);
    return { mean: done.reduce((sum, time) => sum + time, 0) / done.length, calls: done.length };
  }
}

// --- captions ------------------------------------------------------------------------------------

const wordsOf = (caption) =>
  caption.toLowerCase().replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, "").split(/\s+/).filter(Boolean);

// A caption's words as numbers, as tfgen/data/text.py has them.
function tokensOf(caption, { vocabulary, length }) {
  const tokens = new Int32Array(length); // 0 is no word; indexOf gives -1, so 1 is unknown
  wordsOf(caption).slice(0, length).forEach((word, i) => (tokens[i] = 2 + vocabulary.indexOf(word)));
  return tokens;
}

// What is wrong with a caption, or nothing.
export function complaint(caption, { vocabulary, length }) {
  const words = wordsOf(caption).slice(0, length);
  const unknown = words.filter((word) => !vocabulary.includes(word));
  if (unknown.length) {
    const known = vocabulary.length <= 60 ? ` It knows: ${vocabulary.join(", ")}.` : "";
    return `The model has never seen: ${unknown.join(", ")}.${known}`;
  }
  return words.length ? "" : "A word at least, please.";
}

// What of a caption is not read, or nothing.
export function leftOut(caption, { length }) {
  const cut = wordsOf(caption).slice(length);
  return cut.length ? `The model reads ${length} words; left out: ${cut.join(" ")}.` : "";
}

// --- latents -------------------------------------------------------------------------------------

// Great circles for a normal prior, straight lines for a uniform one.
export function between(a, b, t, prior) {
  let [p, q] = [1 - t, t];
  if (prior !== "uniform") {
    const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    const angle = Math.max(Math.acos(Math.min(1, Math.max(-1, cosine))), 1e-6);
    [p, q] = [Math.sin((1 - t) * angle), Math.sin(t * angle)].map((s) => s / Math.sin(angle));
  }
  return a.map((x, i) => p * x + q * b[i]);
}

// --- pictures ------------------------------------------------------------------------------------

// An image in [0, 1] of a shape [H, W, C] as a canvas of its own pixels.
export function picture(image, [h, w, c]) {
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

// Numbers around 0 as an image, whatever they are multiples of.
export function stretched(x) {
  const spread = 2 * Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length) + 1e-9;
  return x.map((v) => Math.min(1, Math.max(0, 0.5 + (0.5 * v) / spread)));
}

// A canvas that pictures are put into, in rows; small ones are enlarged by a whole factor.
export class Sheet {
  constructor(canvas, [h, w], count, columns, { gap = 3, cell = 64 } = {}) {
    const zoom = Math.max(1, Math.round(cell / Math.max(h, w)));
    Object.assign(this, { columns, gap, width: w * zoom, height: h * zoom });
    const size = [columns, Math.ceil(count / columns)];
    const [wide, high] = [size[0] * (this.width + gap) - gap, size[1] * (this.height + gap) - gap];
    // One that is drawn anew stays as it was until the first picture comes.
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    this.context = canvas.getContext("2d");
    this.context.imageSmoothingQuality = "high";
  }

  // source: what a canvas can draw; from: [x, y, w, h] within it, by default all.
  put(i, source, from = [0, 0, source.width, source.height]) {
    const x = (i % this.columns) * (this.width + this.gap);
    const y = Math.floor(i / this.columns) * (this.height + this.gap);
    this.context.drawImage(source, ...from, x, y, this.width, this.height);
  }
}

export function draw(canvas, images, shape, columns, options) {
  const sheet = new Sheet(canvas, shape, images.length, columns, options);
  images.forEach((image, i) => sheet.put(i, picture(image, shape)));
}

// --- order ---------------------------------------------------------------------------------------

// Work is done one after the other; of what waits, only the newest of a name is done.
export class Order {
  #waiting = new Map();
  working = false;

  // done: called when nothing waits any more; failed: with an error.
  constructor(done, failed) {
    Object.assign(this, { done, failed });
  }

  waits(name) {
    return this.#waiting.has(name);
  }

  async once(name, work) {
    this.#waiting.set(name, work);
    if (this.working) return;
    this.working = true;
    try {
      while (this.#waiting.size) {
        const [[next, todo]] = this.#waiting;
        this.#waiting.delete(next);
        await todo();
      }
      this.done();
    } catch (error) {
      this.failed(error);
    }
    this.working = false;
  }

  async idle() {
    while (this.working) await new Promise((done) => setTimeout(done, 10));
  }
}
