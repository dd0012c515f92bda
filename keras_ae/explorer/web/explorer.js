// The static page: encoder and decoder are ONNX files that onnxruntime-web runs in the browser.
import * as ort from "./onnxruntime.js";

const $ = (selector) => document.querySelector(selector);
const pad = $("latent-pad"), sketch = $("sketch-pad");

ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime.wasm", import.meta.url).href };
ort.env.wasm.numThreads = 1; // more need headers that few hosts send

let scene, decoder, encoder, z, marked = null, sliders = [];

// The last of many: while a network runs, newer inputs replace each other, so that the picture
// keeps up with the hand.
function newest(run) {
  let waiting = null, busy = false;
  return async (input) => {
    waiting = [input];
    if (busy) return;
    busy = true;
    try {
      while (waiting) {
        const [next] = waiting;
        waiting = null;
        await run(next);
      }
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
    }
  };
}

function fail(error) {
  const reason = error.message ?? error;
  $("#about").textContent = `The model cannot be run in this browser: ${reason}`;
  $("main").setAttribute("aria-busy", "false");
  throw error;
}

async function run(session, name, shape, values) {
  const input = new ort.Tensor("float32", Float32Array.from(values), [1, ...shape]);
  const result = await session.run({ [name]: input });
  return Object.values(result)[0].data;
}

// An image, floats in [0, 1], on a canvas of its size. A grey one shows ink where it is 1.
function paint(canvas, image) {
  const [height, width, channels] = scene.shape;
  [canvas.width, canvas.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = image[i * channels + (channels === 3 ? channel : 0)];
      const byte = Math.round(255 * Math.min(Math.max(value, 0), 1));
      pixels.data[4 * i + channel] = channels === 1 ? 255 - byte : byte;
    }
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

// Axes.coordinates and Axes.moved of scene.py.
const coordinates = (code) =>
  scene.directions.map((direction) =>
    direction.reduce((sum, weight, j) => sum + weight * (code[j] - scene.origin[j]), 0));

function moved(code, to) {
  const from = coordinates(code), result = [...code];
  to.forEach((value, i) =>
    scene.directions[i].forEach((weight, j) => (result[j] += (value - from[i]) * weight)));
  return result;
}

const decode = newest(async (code) =>
  paint($("#decoded"), await run(decoder, "z", [code.length], code)));

function go(code) {
  z = code;
  const now = coordinates(z);
  pad.position = now.slice(0, 2);
  sliders.forEach(({ input, output }, i) => {
    const far = Math.abs(input.value - now[i]) > Number(input.step);
    if (input !== document.activeElement || far) input.value = now[i];
    output.textContent = now[i].toFixed(2);
  });
  if (scene.held) mark(z.indexOf(Math.max(...z.slice(0, scene.held))));
  return decode(z);
}

// Marks the label or cluster that is decoded. The pad shows the manifold of a label.
function mark(choice) {
  if (choice === marked) return;
  marked = choice;
  [...$("#choices").children].forEach((button, i) =>
    button.classList.toggle("marked", i === choice));
  if (scene.choices[choice]?.manifold) pad.manifold = scene.choices[choice].manifold;
}

function choose(i) {
  const { code } = scene.choices[i];
  mark(i);
  return go(scene.held ? [...code.slice(0, scene.held), ...z.slice(scene.held)] : code);
}

const look = newest(async (image) => {
  const code = [...(await run(encoder, "x", scene.shape, image))];
  const made = await run(decoder, "z", [code.length], code);
  paint($("#image"), image);
  paint($("#reconstruction"), made);
  const place = coordinates(code).slice(0, 2);
  const squares = image.reduce((sum, value, i) => sum + (value - made[i]) ** 2, 0);
  $("#error").textContent = (squares / image.length).toFixed(4);
  $("#place").textContent = place.map((value) => value.toFixed(2)).join(", ");
  reveal(true);
  pad.mark = place;
  await go(code);
});

function reveal(shown) {
  for (const id of ["results", "numbers", "diamond"])
    document.getElementById(id).hidden = !shown;
}

// What the hand has drawn, 0 to 255 a pixel, as an image.
const drawn = (ink) => ink.flatMap((value) => Array(scene.shape[2]).fill(value / 255));

function addView(name, text) {
  const label = document.createElement("label"), input = document.createElement("input");
  const checked = name === scene.view;
  Object.assign(input, { type: "radio", name: "view", value: name, checked });
  input.addEventListener("change", () => (pad.view = name));
  label.append(input, ` ${text}`);
  $("#views").append(label);
}

function addChoice({ name, picture }, i) {
  const button = document.createElement("button"), image = document.createElement("img");
  Object.assign(button, { className: "choice", ariaLabel: `${scene.kind} ${name}` });
  Object.assign(image, { className: "pixels", src: picture, alt: "" });
  button.append(image, name);
  button.addEventListener("click", () => choose(i));
  $("#choices").append(button);
}

function addSlider(name, low, high, i) {
  const label = document.createElement("label");
  const input = document.createElement("input"), output = document.createElement("output");
  label.className = "axis";
  Object.assign(input, { type: "range", min: low, max: high, step: (high - low) / 200 });
  label.append(name, output, input);
  input.addEventListener("input", () => {
    const to = coordinates(z);
    to[i] = Number(input.value);
    go(moved(z, to));
  });
  $("#axes").append(label);
  return { input, output };
}

try {
  const options = { executionProviders: ["wasm"] };
  const session = (file) =>
    ort.InferenceSession.create(new URL(file, import.meta.url).href, options);
  scene = await (await fetch(new URL("scene.json", import.meta.url))).json();
  decoder = await session("decoder.onnx");
  encoder = await session("encoder.onnx");
} catch (error) {
  fail(error);
}
$("#name").textContent = scene.name;
$("#about").textContent = scene.about;
$("#plane").textContent = scene.plane;
pad.set({ map: scene.map, view: scene.view });
addView("manifold", "decoded images");
for (const group in scene.map.groups)
  addView(group, group === "clusters" ? "codes by cluster" : "codes");
scene.choices.forEach(addChoice);
$("#choices").hidden = !scene.choices.length;
sketch.set({ size: scene.shape.slice(0, 2), fit: scene.fit });
sliders = scene.names.map((name, i) => addSlider(name, scene.low[i], scene.high[i], i));
pad.addEventListener("move", (event) => go(moved(z, event.detail)));
sketch.addEventListener("sketch", (event) => look(drawn(event.detail)));
$("#clear").addEventListener("click", () => {
  sketch.clear();
  pad.mark = null;
  reveal(false);
});
await go(scene.start);
await look(scene.example);
sketch.show($("#image").toDataURL());
$("main").setAttribute("aria-busy", "false");
document.body.dataset.ready = "yes";
